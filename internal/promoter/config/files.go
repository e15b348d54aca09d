package config

import (
	"fmt"
	"path/filepath"
)

// Files are other files of a build, such as binaries for other platforms, an SBOM or a list of checksums. They are pushed to a registry
// in one artifact, the candidate and the attestations name them by their digests, and a stage that publishes a package publishes the
// same files with it: in the directory NAME-VERSION.files beside the package, or as an artifact in a registry. A package has at most
// 1 GiB of them. The entry of the package in index.yaml lists the first 50 by name, with their digests, in the annotation
// chart-promoter/files; the landing page lists those of the latest release, and how to install a plugin of kubectl when one of them is
// its manifest for krew, a file NAME.yaml.
type Files struct {
	// Command creates the files; it runs in the source of the commit, with the variables VERSION (of the chart), APP_VERSION, COMMIT and
	// SOURCE_DATE_EPOCH (of the commit, in seconds). It does not run again for a release whose files the registry has. Default: none.
	Command *Command `yaml:"command"`
	// Paths are patterns of the files, relative to the source, such as out/*.tar.gz. Each pattern must match, and each file must have
	// another name. Required.
	Paths []string `yaml:"paths"`
	// Repository of the artifact in a registry. Default: that of the image.
	Repository string `yaml:"repository"`
}

func (f *Files) validate() error {
	if f.Command != nil {
		if err := f.Command.validate(); err != nil {
			return fmt.Errorf("build.files.command: %w", err)
		}
	}
	if len(f.Paths) == 0 {
		return fmt.Errorf("build.files requires paths; name the files, such as out/*.tar.gz")
	}
	for _, p := range f.Paths {
		if _, err := filepath.Match(p, ""); err != nil || leavesRoot(p) || p == "" {
			return fmt.Errorf("build.files.paths: %q is not a pattern of files in the source; use one such as out/*.tar.gz", p)
		}
	}
	return nil
}

// FilesRepository is the repository of the artifact with the files of a build.
func (b *Build) FilesRepository() string {
	if b.Files.Repository != "" {
		return b.Files.Repository
	}
	return b.All()[0].Repository
}
