// Package verified is what a verification leaves in the work directory for the promotion: the tested package, its attestation, and
// the approvals that are added later.
package verified

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/policy"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// File is the file that names the package and its attestation: the result of the last verification.
const File = "verified.json"

// handover is the part of File that a promotion needs.
type handover struct {
	PackageDigest string `json:"packageDigest"`
	Package       string `json:"package"`
	// Attestation has this key since the first version of the file.
	Attestation string `json:"record"`
}

// Package is a tested package with the envelopes that may attest it; whether they can be trusted is decided by the keys of a stage.
type Package struct {
	*chart.Package
	Envelopes [][]byte
}

// Read reads the package that a verification left, with its attestation and approvals, and the envelopes in further files. Errors:
// failure.ErrInput, policy.ErrRejected for a package that was changed since, and those of chart.ReadPackage.
func Read(work workdir.Dir, envelopes ...string) (*Package, error) {
	var h handover
	if !work.ReadJSON(File, &h) || h.Attestation == "" {
		return nil, fmt.Errorf("%w: %s has no verified package; run verify first, or name one with --package", failure.ErrInput, work)
	}
	path := work.File(filepath.Base(h.Package))
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	// Before it is parsed: a package that was changed after the test may not be an archive any more, and that is no invalid argument.
	if digest := chart.Digest(data); digest != h.PackageDigest {
		why := fmt.Sprintf("%s differs from the verified package: sha256 %.12s…, expected %.12s…; promote the package that was tested", path, digest, h.PackageDigest)
		return nil, policy.Rejections{{Guard: policy.VerifiedBy, Why: why}}
	}
	// Approvals that are named come beside the attestation, not in place of it.
	return parse(path, data, append(beside(work, path, filepath.Base(h.Attestation)), envelopes...))
}

// Exists reports whether a verification left a package with its attestation.
func Exists(work workdir.Dir) bool {
	var h handover
	return work.ReadJSON(File, &h) && h.Attestation != ""
}

// ReadFile reads a package and the envelopes in further files. Errors: failure.ErrInput and those of chart.ReadPackage.
func ReadFile(path string, envelopes ...string) (*Package, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	return parse(path, data, envelopes)
}

func parse(path string, data []byte, envelopes []string) (*Package, error) {
	pkg, err := chart.ReadPackage(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p := &Package{Package: pkg}
	for _, name := range envelopes {
		e, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", failure.ErrInput, err)
		}
		p.Envelopes = append(p.Envelopes, e)
	}
	return p, nil
}

// beside are the attestations and the approvals beside a package in the work directory.
func beside(work workdir.Dir, pkg, attestation string) []string {
	files := []string{work.File(attestation)}
	entries, _ := os.ReadDir(string(work))
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), filepath.Base(pkg)+".")
		later := ok && strings.HasSuffix(name, attestationSuffix)
		if later || strings.HasPrefix(e.Name(), filepath.Base(pkg)+approvalMark) && strings.HasSuffix(e.Name(), ".json") {
			files = append(files, work.File(e.Name()))
		}
	}
	return files
}

// attestationSuffix is how the files of attestations end. The name is that of the first version of the file.
const attestationSuffix = ".record.json"

// AttestationFile is the name of the file of a package's attestation by the stage that created the package.
func AttestationFile(pkg *chart.Package) string { return pkg.Filename() + attestationSuffix }

// LaterAttestationFile is the name of the file of its attestation by a stage that tested it afterwards.
func LaterAttestationFile(pkg *chart.Package, stage string) string {
	return pkg.Filename() + "." + stage + attestationSuffix
}

// StatementFile is the name of the file of a further statement about a package. No stage has a name with a dot.
func StatementFile(pkg *chart.Package, kind string) string {
	return pkg.Filename() + ".statement." + kind + attestationSuffix
}

// Forget removes the attestations of stages that test later, before they or the stage before them test again.
func Forget(work workdir.Dir, stages ...string) error {
	entries, _ := os.ReadDir(string(work))
	for _, e := range entries {
		for _, stage := range stages {
			if strings.HasSuffix(e.Name(), ".tgz."+stage+attestationSuffix) {
				if err := work.Remove(e.Name()); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
