package step

import (
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/verified"
)

// withStaging adds a stage that tests after qa, with values of its own, and its key pair.
func (r *released) withStaging(in config.Install) (key []byte) {
	r.t.Helper()
	priv, pub, err := attest.GenerateKey()
	if err != nil {
		r.t.Fatal(err)
	}
	r.env["STAGING_KEY"], r.env["STAGING_PUB"] = string(priv), string(pub)
	r.p.Config.Stages = slices.Insert(r.p.Config.Stages, 2, config.Stage{
		Name: "staging", Verify: &config.Verify{Install: in}, Key: config.Key{Env: "STAGING_KEY"}, PublicKey: config.Key{Env: "STAGING_PUB"},
	})
	return priv
}

func TestALaterStageInstallsWithItsValuesAndTheFilesOfTheChart(t *testing.T) {
	t.Parallel()
	for name, ignored := range map[string]bool{"in the package": false, "kept out of it by .helmignore": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write("charts/hello/ci/a-values.yaml", "a: file\n")
			if ignored {
				w.write("charts/hello/.helmignore", "ci/\n")
			}
			w.commit("with values")
			w.built()
			if _, err := Bump(t.Context(), w.p); err != nil {
				t.Fatal(err)
			}
			c, err := w.p.candidates().Open(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			r := &released{world: w, c: c}
			r.withStaging(config.Install{Values: values("a", "stage", "b", "stage"), ValuesFiles: []string{config.DefaultValuesFiles}})
			later, err := w.p.candidatesOf(w.p.Config.Stage("staging")).Package(t.Context(), c.Package.Bytes, c.SourceCommit)
			if err != nil || len(later.ValueSets) != 2 {
				t.Fatalf("%+v, %v; want the values of the stage and those of the file", later, err)
			}
			if first, file := later.InstallValues(), later.Further()[0]; first["a"] != "stage" || file.Name != "ci/a-values.yaml" || file.Values["a"] != "file" || file.Values["b"] != "stage" {
				t.Errorf("installed with %v, then with %+v", first, file)
			}
		})
	}
}

func TestASignedChartHasTheStatementsOfAllTestingStages(t *testing.T) {
	t.Parallel()
	host := referrersRegistry(t)
	r := newRelease(t, "v1.2.0")
	r.leave()
	key := r.withStaging(config.Install{})
	later := r.attestation
	later.Stage = "staging"
	envelope, err := attest.Sign(later, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.p.Work.Write(verified.LaterAttestationFile(r.c.Package, "staging"), envelope); err != nil {
		t.Fatal(err)
	}
	prod := r.p.Config.Stage("prod")
	prod.Publish.Git, prod.Publish.OCI, prod.Key = "", "oci://"+host+"/charts", config.Key{Env: "QA_KEY"}
	if _, err := Promote(t.Context(), r.p, PromoteOptions{}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, kind := range predicates(t, host+"/charts/hello:1.2.0") {
		if kind == attest.VerificationType {
			n++
		}
	}
	if n != 4 {
		t.Errorf("%d attestations refer to the chart, want those of qa and staging about the package, and both about the chart in the registry", n)
	}
}

func TestPackageNeedsNoRegistryAndRunsTheCommandsAfterTheEdit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["HOST"] = "127.0.0.1:1" // nothing answers there
	w.withImages(t)
	w.write("charts/hello/values.yaml", "image: {registry: 127.0.0.1:1, repository: old/hello, tag: kept}\nmover:\n  image: {repository: x, tag: y}\nhooks:\n  ref: example.com/webhook:v1\n")
	w.write("charts/hello/Chart.yaml", chartYAML+"annotations:\n  images: \"\"\n  changes: \"\"\n")
	head := w.commit("feat: several images")
	w.p.Config.Chart.Fields = config.Fields{"Chart.yaml": {"version": config.ChartVersion, "annotations.images": config.Images, "annotations.changes": config.Changes}}
	w.p.Config.Chart.After = []config.After{shell("sed -n 's/^version: //p' Chart.yaml >README.md")}
	r, err := Package(t.Context(), w.p, "")
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := verified.ReadFile(r.Package)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() + "/unpacked"
	if err := pkg.Unpack(dir); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"README.md": "0.0.1-dev.2.g" + head[:7] + "\n", "values.yaml": "old/hello, tag: kept", "Chart.yaml": "several images",
	} {
		if got := read(t, dir+"/"+file); !strings.Contains(got, want) {
			t.Errorf("%s: %q has no %q", file, got, want)
		}
	}
}
