package policy

import (
	"fmt"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// Files are the other files of the build that the attestations of the required stages name, with the reference of their artifact;
// none if they name none. Error: Rejections if two attestations name different files, as of two builds of the same chart.
func Files(stage *config.Stage, pkg *chart.Package, a Attestations) (ref string, files []attest.File, err error) {
	known := false
	for _, v := range a.Verifications {
		if !slices.Contains(stage.Guards.Verifiers(), v.Stage) || mismatch(v.Stage, pkg, v) != "" {
			continue
		}
		if known && !slices.Equal(files, v.Files) {
			return "", nil, Rejections{{Guard: VerifiedBy, Why: fmt.Sprintf("the attestations of %s %s name different files of the build; verify it again in all stages", pkg.Name, pkg.Version)}}
		}
		ref, files, known = v.FilesRef, v.Files, true
	}
	return ref, files, nil
}
