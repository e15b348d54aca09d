package config

import (
	"path/filepath"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

func (c *Config) setDefaults() {
	if c.Version.Scheme == "" {
		c.Version.Scheme = version.SemVer
	}
	c.setChartDefaults()
	for i := range c.Stages {
		s := &c.Stages[i]
		if s.Publish != nil {
			s.setGuardDefaults(c.testersBefore(i))
			s.Guards.AppVersionApart = !c.AppVersionIsSource()
		}
		// What depends on the chart is set for each of several charts.
		if len(c.Charts) > 0 {
			s.setKeyDefaults()
			continue
		}
		if s.Candidate != nil && s.Candidate.Path == "" {
			s.Candidate.Path = "."
			if c.Chart.Path != "" {
				s.Candidate.Path = filepath.Base(c.Chart.Path)
			}
		}
		if s.Build != nil {
			s.Build.setDefaults()
		}
		if s.Verify != nil {
			s.setVerifyDefaults(c.Name)
		}
	}
}

func (s *Stage) setVerifyDefaults(name string) {
	s.Verify.setHelmDefaults()
	in := &s.Verify.Install
	if in.Release == "" {
		in.Release = name
	}
	if in.Namespace == "" {
		in.Namespace = name
	}
	if in.ValuesFiles == nil {
		in.ValuesFiles = []string{DefaultValuesFiles}
	}
	s.setKeyDefaults()
}

func (s *Stage) setKeyDefaults() {
	if s.Verify == nil {
		return
	}
	if s.Key == (Key{}) {
		s.Key.Env = s.variable("SIGNING_KEY")
	}
	if s.PublicKey == (Key{}) {
		s.PublicKey.Env = s.variable("PUBLIC_KEY")
	}
}

func (s *Stage) setGuardDefaults(testers Names) {
	if s.Guards == nil {
		s.Guards = &Guards{}
	}
	if s.Guards.Versions == "" {
		s.Guards.Versions = Releases
	}
	if s.Guards.VerifiedBy == nil {
		s.Guards.VerifiedBy = testers
	}
}

// variable is the name of a variable of the stage, such as QA_SIGNING_KEY.
func (s *Stage) variable(suffix string) string {
	return strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_")) + "_" + suffix
}
