package pipeline

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

func (c *Config) defaults() {
	if c.Version.Scheme == "" {
		c.Version.Scheme = version.SemVer
	}
	for i := range c.Stages {
		s := &c.Stages[i]
		if s.Candidate != nil && s.Candidate.Path == "" {
			s.Candidate.Path = "."
			if c.Chart.Path != "" {
				s.Candidate.Path = filepath.Base(c.Chart.Path)
			}
		}
		if v := s.Verify; v != nil {
			if v.Install.Release == "" {
				v.Install.Release = c.Name
			}
			if v.Install.Namespace == "" {
				v.Install.Namespace = c.Name
			}
			if s.Key == (Key{}) {
				s.Key.Env = s.variable("SIGNING_KEY")
			}
			if s.PublicKey == (Key{}) {
				s.PublicKey.Env = s.variable("PUBLIC_KEY")
			}
		}
		if s.Publish == nil {
			continue
		}
		if s.Guards == nil {
			s.Guards = &Guards{}
		}
		if s.Guards.Versions == "" {
			s.Guards.Versions = "release"
		}
		if q := c.Tester(); s.Guards.VerifiedBy == "" && q != nil {
			s.Guards.VerifiedBy = q.Name
		}
	}
}

// variable is the name of one of the stage's variables: QA_SIGNING_KEY.
func (s *Stage) variable(what string) string {
	return strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_")) + "_" + what
}

// Builder is the stage that builds.
func (c *Config) Builder() *Stage {
	return c.find(func(s *Stage) bool { return s.Build != nil })
}

// Tester is the stage that holds and tests candidates.
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

// MaxName is how long the name of a pipeline can be.
const MaxName = 30

var pipelineName = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$`)

func (c *Config) validate() error {
	switch {
	case !pipelineName.MatchString(c.Name):
		return fmt.Errorf("name %q: use at most 30 lower case letters, digits and hyphens", c.Name)
	case c.Version.Scheme != version.SemVer && c.Version.Scheme != version.Legacy:
		return fmt.Errorf("version.scheme %q: use semver or legacy", c.Version.Scheme)
	case filepath.IsAbs(c.Chart.Path) || outside(c.Chart.Path):
		return fmt.Errorf("chart.path %q leads out of the repository", c.Chart.Path)
	}
	if err := c.CI.validate(); err != nil {
		return err
	}
	if len(c.Stages) == 0 {
		return fmt.Errorf("there are no stages")
	}
	for file, scalars := range c.Chart.Scalars {
		if filepath.IsAbs(file) || outside(file) {
			return fmt.Errorf("chart.scalars: %q is not a file of the chart", file)
		}
		for path, field := range scalars {
			if !knownField(field) {
				return fmt.Errorf("chart.scalars: %s of %s gets %q; use one of %s", path, file, field, strings.Join(fields, ", "))
			}
		}
	}
	seen := map[string]bool{}
	builders, testers := 0, 0
	for i := range c.Stages {
		s := &c.Stages[i]
		if !pipelineName.MatchString(s.Name) || seen[s.Name] {
			return fmt.Errorf("stages[%d]: the name %q is not usable or there twice", i, s.Name)
		}
		seen[s.Name] = true
		if err := s.validate(c); err != nil {
			return fmt.Errorf("stage %s: %w", s.Name, err)
		}
		if s.Build != nil {
			builders++
		}
		if s.Candidate != nil {
			testers++
		}
	}
	if builders > 1 || testers > 1 {
		return fmt.Errorf("%d stages build and %d hold candidates; there can be one of each", builders, testers)
	}
	return nil
}

func (s *Stage) validate(c *Config) error {
	if s.Build == nil && s.Candidate == nil && s.Publish == nil {
		return fmt.Errorf("it does nothing; give it build, candidate and verify, or publish")
	}
	if b := s.Build; b != nil && (b.Image.Repository == "" || b.Image.Package == "") {
		return fmt.Errorf("build.image needs repository and package")
	}
	if b := s.Build; b != nil && b.Test != nil {
		if err := b.Test.validate(); err != nil {
			return fmt.Errorf("build.test: %w", err)
		}
	}
	if (s.Verify != nil) != (s.Candidate != nil) {
		return fmt.Errorf("candidate and verify belong together")
	}
	if s.Candidate != nil && (s.Candidate.Git == "" || filepath.IsAbs(s.Candidate.Path) || outside(s.Candidate.Path)) {
		return fmt.Errorf("candidate needs git, and a path within it")
	}
	if v := s.Verify; v != nil {
		if v.Test != nil {
			if err := v.Test.validate(); err != nil {
				return fmt.Errorf("verify.test: %w", err)
			}
		}
		if up := v.UpgradeFrom; up != "" && (c.Stage(up) == nil || c.Stage(up).Publish == nil) {
			return fmt.Errorf("verify.upgradeFrom: there is no publishing stage %q", up)
		}
	}
	if s.Guards != nil && s.Publish == nil {
		return fmt.Errorf("guards without publish guard nothing")
	}
	if s.Publish != nil {
		return s.Publish.validate(s.Guards, c)
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
		return fmt.Errorf("publish needs exactly one of git, directory and oci")
	case p.OCI != "" && (p.Page || p.StatusPage):
		return fmt.Errorf("a registry has no pages; page and statusPage are for git and directory")
	case g.Versions != "release" && g.Versions != "prerelease" && g.Versions != "any":
		return fmt.Errorf("guards.versions %q: use release, prerelease or any", g.Versions)
	case g.VerifiedBy != "none" && g.VerifiedBy != "" && (c.Stage(g.VerifiedBy) == nil || c.Stage(g.VerifiedBy).Verify == nil):
		return fmt.Errorf("guards.verifiedBy: there is no testing stage %q", g.VerifiedBy)
	case g.VerifiedBy == "":
		return fmt.Errorf("no stage tests candidates; write guards.verifiedBy: none if that is meant")
	case p.PGP != nil && p.PGP.Key == (Key{}):
		return fmt.Errorf("publish.pgp needs a key; name its variable or its file")
	case g.Approvals < 0 || g.Approvals > len(g.ApproverKeys):
		return fmt.Errorf("guards: %d approvals cannot be given by %d approverKeys", g.Approvals, len(g.ApproverKeys))
	}
	return nil
}

func (c *Command) validate() error {
	if len(c.Command) == 0 || c.Command[0] == "" {
		return fmt.Errorf("the command is missing")
	}
	if c.Format != "" && c.Format != "go-json" {
		return fmt.Errorf("format %q: use go-json, or leave it out", c.Format)
	}
	return nil
}

func outside(p string) bool {
	p = filepath.Clean(p)
	return p == ".." || strings.HasPrefix(p, "../")
}
