package config

// Pushes are the repositories that the pipeline pushes to: those of its images, and those of charts in a registry.
func (c *Config) Pushes() []string {
	var list []string
	for i := range c.Stages {
		s := &c.Stages[i]
		if s.Build != nil {
			list = append(list, s.Build.Image.Repository)
		}
		if s.Publish != nil && s.Publish.OCI != "" {
			list = append(list, s.Publish.OCI)
		}
	}
	return list
}
