package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// MaxName is the greatest length of a pipeline's name.
const MaxName = 30

var namePattern = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$`)

func (c *Config) validate() error {
	if !namePattern.MatchString(c.Name) {
		return fmt.Errorf("name %q: use at most 30 lower case letters, digits and hyphens", c.Name)
	}
	if err := c.Version.validate(); err != nil {
		return err
	}
	if err := c.CI.validate(); err != nil {
		return err
	}
	if err := c.Dependencies.validate(); err != nil {
		return err
	}
	if err := c.validateCharts(); err != nil {
		return err
	}
	if len(c.Charts) > 0 {
		return nil // validateCharts validated the stages of each
	}
	return c.validateStages()
}

func (f Fields) validate() error {
	for file, paths := range f {
		if leavesRoot(file) {
			return fmt.Errorf("chart.scalars: %q is not a file of the chart; use a path within the chart", file)
		}
		for path, value := range paths {
			if !slices.Contains(fieldValues, value) {
				return fmt.Errorf("chart.scalars: %s of %s is set to %q; use one of %s", path, file, value, strings.Join(fieldValues, ", "))
			}
		}
	}
	return nil
}

func (c *Config) validateStages() error {
	if len(c.Stages) == 0 {
		return fmt.Errorf("stages is empty; add at least one stage")
	}
	seen := map[string]bool{}
	builders, candidates := 0, 0
	for i := range c.Stages {
		s := &c.Stages[i]
		if !namePattern.MatchString(s.Name) {
			return fmt.Errorf("stages[%d]: the name %q: use at most 30 lower case letters, digits and hyphens", i, s.Name)
		}
		if seen[s.Name] {
			return fmt.Errorf("stages[%d]: the name %q occurs twice; rename one of the stages", i, s.Name)
		}
		seen[s.Name] = true
		if err := s.validate(c); err != nil {
			return fmt.Errorf("stage %s: %w", s.Name, err)
		}
		if s.Build != nil {
			builders++
		}
		if s.Candidate != nil {
			candidates++
		}
	}
	if builders > 1 || candidates > 1 {
		return fmt.Errorf("%d stages have build and %d have candidate; at most one of each is allowed", builders, candidates)
	}
	return c.validateTesters()
}

func (s *Stage) validate(c *Config) error {
	switch {
	case s.Build == nil && s.Candidate == nil && s.Verify == nil && s.Publish == nil:
		return fmt.Errorf("the stage has no steps; add build, candidate and verify, verify, or publish")
	case s.Verify == nil && s.Candidate != nil:
		return fmt.Errorf("candidate and verify belong together; add verify")
	case s.Candidate != nil && (s.Candidate.Git == "" || leavesRoot(s.Candidate.Path)):
		return fmt.Errorf("candidate requires git, and a path within it")
	case s.Guards != nil && s.Publish == nil:
		return fmt.Errorf("guards require publish; add publish or remove guards")
	}
	if s.Candidate != nil {
		if err := s.Candidate.PullRequest.validate(); err != nil {
			return err
		}
	}
	if s.Build != nil {
		if err := s.Build.validate(); err != nil {
			return err
		}
	}
	if s.Verify != nil {
		if err := s.Verify.validate(c); err != nil {
			return err
		}
	}
	if s.Publish != nil {
		return s.Publish.validate(s.Guards, c)
	}
	return nil
}

func (v *Verify) validate(c *Config) error {
	if v.Test != nil {
		if err := v.Test.validate(); err != nil {
			return fmt.Errorf("verify.test: %w", err)
		}
	}
	if err := v.Cluster.validate(); err != nil {
		return err
	}
	if err := v.validateHelm(); err != nil {
		return err
	}
	if err := v.Kubernetes.validate(); err != nil {
		return err
	}
	if err := v.Install.validate(); err != nil {
		return err
	}
	if up := v.UpgradeFrom; up != "" && (c.Stage(up) == nil || c.Stage(up).Publish == nil) {
		return fmt.Errorf("verify.upgradeFrom: there is no publishing stage %q; name one that has publish", up)
	}
	return nil
}

func (p *Publish) validate(g *Guards, c *Config) error {
	set := 0
	for _, v := range []string{p.Git, p.Directory, p.OCI} {
		if v != "" {
			set++
		}
	}
	switch {
	case set != 1:
		return fmt.Errorf("publish requires exactly one of git, directory and oci")
	case p.Path != "" && (p.Git == "" || leavesRoot(p.Path)):
		return fmt.Errorf("publish.path %q is a folder of a branch; it requires git, and a path within the repository", p.Path)
	case p.PullRequest != nil && (p.Git == "" || p.StatusPage):
		return fmt.Errorf("publish.pullRequest is for git, and not with statusPage, which is pushed after each promotion")
	case p.OCI != "" && (p.Page || p.StatusPage):
		return fmt.Errorf("a registry has no pages; page and statusPage are for git and directory")
	case p.PGP != nil && p.PGP.Key == (Key{}):
		return fmt.Errorf("publish.pgp requires a key; name its variable or its file")
	}
	if err := p.PullRequest.validate(); err != nil {
		return err
	}
	return g.validate(c)
}

func (g *Guards) validate(c *Config) error {
	switch {
	case g.Versions != Releases && g.Versions != Prereleases && g.Versions != AnyVersion:
		return fmt.Errorf("guards.versions %q: use release, prerelease or any", g.Versions)
	case len(g.VerifiedBy) == 0:
		return fmt.Errorf("no stage tests candidates; write guards.verifiedBy: none if that is intended")
	case len(g.Verifiers()) == 0 && g.MinAge > 0:
		return fmt.Errorf("guards.minAge requires verifiedBy, whose attestations state the age; name a stage that has verify")
	case g.Approvals < 0 || g.Approvals > len(g.ApproverKeys):
		return fmt.Errorf("guards: %d approvals require as many approverKeys, but there are %d", g.Approvals, len(g.ApproverKeys))
	}
	for _, name := range g.Verifiers() {
		if c.Stage(name) == nil || c.Stage(name).Verify == nil {
			return fmt.Errorf("guards.verifiedBy: there is no testing stage %q; name one that has verify", name)
		}
	}
	return nil
}

func (c *Command) validate() error {
	if len(c.Command) == 0 || c.Command[0] == "" {
		return fmt.Errorf("no command is set")
	}
	if c.Format != "" && c.Format != FormatGoJSON {
		return fmt.Errorf("format %q: use go-json, or leave it out", c.Format)
	}
	return nil
}

// leavesRoot reports whether a path is absolute, leads out of the directory that it is relative to, or to the files of git itself.
func leavesRoot(p string) bool {
	p = filepath.Clean(p)
	return filepath.IsAbs(p) || p == ".." || strings.HasPrefix(p, "../") ||
		slices.ContainsFunc(strings.Split(p, "/"), func(part string) bool { return strings.EqualFold(part, ".git") })
}
