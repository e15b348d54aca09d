package config

import (
	"fmt"
	"slices"
)

// helmMajors are the majors of Helm that candidates can be tested with, the oldest first.
var helmMajors = []int{3, 4}

// HelmMajors are the values of Verify.Helm.
func HelmMajors() []int { return slices.Clone(helmMajors) }

// setHelmDefaults completes the majors, and orders them: the oldest is tested first.
func (v *Verify) setHelmDefaults() {
	if len(v.Helm) == 0 {
		v.Helm = slices.Clone(helmMajors)
	}
	slices.Sort(v.Helm)
}

func (v *Verify) validateHelm() error {
	for i, major := range v.Helm {
		if !slices.Contains(helmMajors, major) {
			return fmt.Errorf("verify.helm: %d is not a major of Helm that this program has; use 3, 4 or both", major)
		}
		if slices.Contains(v.Helm[:i], major) {
			return fmt.Errorf("verify.helm: %d occurs twice; remove one", major)
		}
	}
	return nil
}

// Newest is the newest major of Helm that candidates are tested with; the configured test command runs with it.
func (v *Verify) Newest() int {
	if len(v.Helm) == 0 {
		return slices.Max(helmMajors)
	}
	return slices.Max(v.Helm)
}

// TestsRollback reports whether the return to the previous version is tested.
func (v *Verify) TestsRollback() bool { return v.Rollback == nil || *v.Rollback }
