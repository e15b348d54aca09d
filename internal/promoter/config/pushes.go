package config

import "slices"

// Pushes are the repositories that the pipeline pushes to, for all charts: those of the images that it builds, of the other files of
// builds, and of charts in a registry. They decide which registries get the credentials of the pipeline.
func (c *Config) Pushes() []string {
	var list []string
	add := func(repositories ...string) {
		for _, r := range repositories {
			if r != "" && !slices.Contains(list, r) {
				list = append(list, r)
			}
		}
	}
	for _, one := range c.Whole().PerChart() {
		for i := range one.Stages {
			s := &one.Stages[i]
			if s.Build != nil {
				add(s.Build.pushes()...)
			}
			if s.Publish != nil {
				add(s.Publish.OCI)
			}
		}
	}
	return list
}

func (b *Build) pushes() (list []string) {
	for _, img := range b.All() {
		if !img.Elsewhere() {
			list = append(list, img.Repository)
		}
	}
	if b.Files != nil {
		list = append(list, b.FilesRepository())
	}
	return list
}
