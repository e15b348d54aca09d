// Package config is the file that describes a pipeline, ci/pipeline.yaml: its types, their defaults, and the checks that a file must
// pass. It reads nothing but that file and the environment that the file names.
//
// The comments of the fields are the reference of the file: what a key means, its default, which values it allows.
package config

import "path/filepath"

// DefaultFile is the path of the configuration when no other is given.
const DefaultFile = "ci/pipeline.yaml"

// Config is the file that describes a pipeline. Every text in it may contain ${NAME} or ${NAME:-default}, which are replaced by
// variables of the environment; $$ is a dollar sign. Relative paths start at the root of the repository that contains the file.
// An unknown key is an error.
type Config struct {
	// Name of the pipeline, used for clusters, releases and messages. Required: at most 30 lower case letters, digits and hyphens,
	// beginning with a letter.
	Name string `yaml:"name"`
	// Source is the repository of the program and its tests.
	Source Source `yaml:"source"`
	// Version defines how the versions of builds are derived.
	Version Version `yaml:"version"`
	// Chart is the chart that goes through the pipeline.
	Chart Chart `yaml:"chart"`
	// Charts are the charts of a repository with several, in place of chart. Each has a version, candidates and releases of its own; a
	// candidate is created only for a chart that was changed since its last release, or that depends on such a chart. Default: none.
	Charts []Chart `yaml:"charts"`
	// Dependencies describes where the charts come from that the chart depends on.
	Dependencies Dependencies `yaml:"dependencies"`
	// Stages in the order in which a commit goes through them. Required: at most one stage with build, at most one with candidate, and
	// any number with verify or publish.
	Stages []Stage `yaml:"stages"`
	// CI is what the files of the CI engines do besides calling the steps; `chart-promoter init` writes these files.
	CI CI `yaml:"ci"`
	// Root is the directory at which relative paths start. It is not part of the file.
	Root string `yaml:"-"`
	// whole is the configuration of all charts, in that of one of them.
	whole *Config
}

// Source is the repository of the program and its tests.
type Source struct {
	// Git is the address from which a candidate's commit is fetched when the local repository does not have it. Default: none, the
	// local repository must have the commit.
	Git string `yaml:"git"`
}

// Chart is the chart that goes through the pipeline.
type Chart struct {
	// Path of the chart in the source repository. Default: none, the chart lives in the candidates' repository and is edited there.
	Path string `yaml:"path"`
	// Fields maps a file of the chart to its fields, and the path of each field to the value that it gets: chartVersion, appVersion,
	// commit, for annotations of Artifact Hub changes (the commits since the last release, as YAML), images (the images that are built, as
	// YAML) or prerelease (true or false), or a value of the image: image (the whole reference, with tag and digest), imageTagged (the
	// reference without the digest), imageRepository (with its registry), imageRegistry and imagePath (the two parts of the repository),
	// imageTag, imageDigest. With several images these are values of the first. No other byte of the chart ever changes. Default: version
	// and appVersion of Chart.yaml and, if a stage builds an image, what values.yaml has of image.registry, image.repository, image.tag and
	// image.digest, or image if that is a reference. It is an error if values.yaml has none of these for the repository; without a field for
	// tag and digest a template must use the chart's appVersion.
	Fields Fields `yaml:"scalars"`
	// After lists commands that change the chart after its fields are set, one after the other. Default: none.
	After []After `yaml:"after"`
	// Name selects the chart with --chart. Its candidates lie in a directory of this name below candidate.path, and it is the default of
	// install.release and install.namespace. Only in charts. Default: the base name of path.
	Name string `yaml:"name"`
	// Version is for a chart whose version is not that of its program. Such a chart keeps the appVersion that it has, unless a stage
	// builds or scalars set it. Default: the program's version for chart; for the charts of charts, that of tags.
	Version *OwnVersion `yaml:"version"`
	// Sources are paths beside the chart's directory and its file:// dependencies whose changes are changes of the chart, such as those
	// of its program. Default: none; if a stage builds, all of the repository.
	Sources []string `yaml:"sources"`
	// Build replaces build of the stage that builds, or else is that of the first stage. Chart and image then have the version of the
	// chart's tags. Only in charts. Default: that of the stage.
	Build *Build `yaml:"build"`
	// Install replaces verify.install of the first testing stage; in later stages it has the values that the stage itself does not set.
	// Only in charts. Default: that of the stage.
	Install *Install `yaml:"install"`
	// Test replaces verify.test of the first testing stage, and is that of later stages without a test of their own. Only in charts. Default: that of the stage.
	Test *Test `yaml:"test"`
}

// Path resolves a path of the file against Root; an empty path stays empty.
func (c *Config) Path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.Root, p)
}

// Builder is the stage that builds, or nil.
func (c *Config) Builder() *Stage {
	return c.find(func(s *Stage) bool { return s.Build != nil })
}

// Tester is the stage that holds the candidates and tests them first, or nil.
func (c *Config) Tester() *Stage {
	return c.find(func(s *Stage) bool { return s.Candidate != nil })
}

// Publishers are the stages that publish, in order.
func (c *Config) Publishers() []*Stage {
	var list []*Stage
	for i := range c.Stages {
		if c.Stages[i].Publish != nil {
			list = append(list, &c.Stages[i])
		}
	}
	return list
}

// Stage finds a stage by its name, or nil.
func (c *Config) Stage(name string) *Stage {
	return c.find(func(s *Stage) bool { return s.Name == name })
}

func (c *Config) find(match func(*Stage) bool) *Stage {
	for i := range c.Stages {
		if match(&c.Stages[i]) {
			return &c.Stages[i]
		}
	}
	return nil
}
