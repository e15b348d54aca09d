package step

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

func (r *released) guards() *config.Guards { return r.p.Config.Stage("prod").Guards }

func (r *released) path(suffix string) string {
	return filepath.Join(string(r.p.Work), strings.TrimSuffix(r.c.Package.Filename(), ".tgz")+suffix)
}

func (r *released) attestations() []string {
	if _, err := os.Stat(r.path(".tgz.record.json")); err != nil {
		return nil
	}
	return []string{r.path(".tgz.record.json")}
}

func (r *released) remove(suffix string) {
	if err := os.Remove(r.path(".tgz" + suffix)); err != nil {
		r.t.Fatal(err)
	}
}

// flip changes the last letter of the attestation's payload.
func (r *released) flip(suffix string) {
	path := r.path(".tgz" + suffix)
	data, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	i := strings.Index(string(data), `"payload":"`) + 40
	data[i] = map[bool]byte{true: 'A', false: 'B'}[data[i] != 'A']
	if err := os.WriteFile(path, data, 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// repack replaces the package in the work directory by one whose chart has a change, and leaves the attestation as it is.
func (r *released) repack(from, to string) {
	dir := filepath.Join(string(r.p.Work), "candidate", "hello")
	data, err := os.ReadFile(dir + "/Chart.yaml")
	if err != nil {
		r.t.Fatal(err)
	}
	changed := strings.Replace(string(data), from, to, 1)
	if changed == string(data) {
		r.t.Fatalf("%q is not in %q", from, data)
	}
	if err := os.WriteFile(dir+"/Chart.yaml", []byte(changed), 0o644); err != nil {
		r.t.Fatal(err)
	}
	old := r.attestations()
	pkg, err := chart.Pack(dir)
	if err != nil {
		r.t.Fatal(err)
	}
	r.c.Package = pkg
	if _, err := r.p.Work.Write(pkg.Filename(), pkg.Bytes); err != nil {
		r.t.Fatal(err)
	}
	if len(old) == 1 && old[0] != r.path(".tgz.record.json") {
		if err := os.Rename(old[0], r.path(".tgz.record.json")); err != nil {
			r.t.Fatal(err)
		}
	}
}
