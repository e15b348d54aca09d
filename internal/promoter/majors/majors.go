// Package majors has the majors of Helm that this program works with.
package majors

import (
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm3"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm4"
)

// All are the majors, the oldest first; config.HelmMajors are their numbers.
func All() []helm.Major { return []helm.Major{helm.V3, helm.V4} }

// Of returns a major, which is one of helm.V3 and helm.V4.
func Of(m helm.Major) helm.Helm {
	if m == helm.V4 {
		return helm4.Helm{}
	}
	return helm3.Helm{}
}
