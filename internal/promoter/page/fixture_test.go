package page

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

var morning = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// indexOf is an index of these versions of charts, "name version", each published a day after the one before.
func indexOf(t testing.TB, versions ...string) []byte {
	t.Helper()
	var text []byte
	for i, nv := range versions {
		name, version, _ := strings.Cut(nv, " ")
		text = add(t, text, index.Entry{
			Metadata: &chart.Metadata{
				APIVersion: "v2", Name: name, Version: version, AppVersion: "v" + version, Description: "A bitcoin regtest network on Kubernetes from one resource",
				Home: "https://example.com/" + name, Sources: []string{"https://example.com/" + name + ".git"}, KubeVersion: ">=1.30.0-0", Type: "application",
			},
			URLs: []string{name + "-" + version + ".tgz"}, Created: morning.AddDate(0, 0, i), Digest: digest(i),
		})
	}
	return text
}

func digest(i int) string { return strings.Repeat(fmt.Sprintf("%08x", 0x9e3779b9*uint32(i+1)), 8) }

func add(t testing.TB, text []byte, e index.Entry) []byte {
	t.Helper()
	text, _, err := index.Add(text, e)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// listFiles gives a version of an index other files.
func listFiles(t testing.TB, text []byte, name, version string, files ...index.File) []byte {
	t.Helper()
	e, _, err := index.Lookup(text, name, version)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = index.Remove(text, name, version); err != nil {
		t.Fatal(err)
	}
	with, err := e.WithFiles(files)
	if err != nil {
		t.Fatal(err)
	}
	return add(t, text, with)
}

func landing(t testing.TB, r Repository, text []byte) []byte {
	t.Helper()
	out, err := r.Render(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var example = Repository{Name: "bitcoin-controller", Address: "https://example.github.io/bitcoin-controller-helm/", Status: "status.html"}

// landings are the landing pages that have a golden file each and are checked in a browser.
func landings(t testing.TB) map[string][]byte {
	t.Helper()
	one := indexOf(t, "bitcoin-controller 0.9.0", "bitcoin-controller 1.0.0-rc.1", "bitcoin-controller 1.0.0", "bitcoin-controller 1.1.0", "bitcoin-controller 1.2.0-dev.3.g64ed033")
	one = listFiles(t, one, "bitcoin-controller", "1.1.0",
		index.File{Name: "btcnet.yaml", Digest: digest(20), Krew: "btcnet"}, index.File{Name: "kubectl-btcnet_linux_amd64.tar.gz", Digest: digest(21)},
		index.File{Name: "kubectl-btcnet_windows_arm64.tar.gz", Digest: digest(22)})
	many := indexOf(t, "alpha 1.0.0", "beta 0.1.0-rc.1", "gamma 2.0.0", "gamma 2.1.0")
	many = add(t, many, index.Entry{
		Metadata: &chart.Metadata{APIVersion: "v2", Name: "shared", Version: "1.0.0", Type: "library", Deprecated: true}, URLs: []string{"oci://example.com/shared:1.0.0"}, Digest: digest(9),
	})
	return map[string][]byte{
		"one":   landing(t, example, one),
		"many":  landing(t, Repository{Name: "charts"}, many),
		"empty": landing(t, example, nil),
	}
}

func status(t testing.TB) []byte {
	t.Helper()
	commit := strings.Repeat("64ed033a", 5)
	s := Status{Name: "bitcoin-controller", Source: "https://github.com/christianb93/bitcoin-controller.git", Stages: []Stage{
		{Name: "qa", Versions: []Version{
			{Version: "1.2.1-dev.3.g64ed033", AppVersion: "64ed033", Since: morning.AddDate(0, 0, 2), Commit: commit, Next: "prod", Missing: []string{
				"1.2.1-dev.3.g64ed033 is not a release; prod accepts only releases",
				"there is no attestation of stage qa for this package; run verify first",
			}},
			{
				Version: "1.2.0", AppVersion: "v1.2.0", Digest: digest(1), Since: morning.AddDate(0, 0, 1), Commit: commit, Next: "prod", Tested: true, TestedBy: "go test -run=Integration ./test/...", Run: 42, Passed: 42, Skipped: 1,
				VerifiedBy: "https://app.travis-ci.com/christianb93/bitcoin-controller-helm-qa/builds/1", TestedAt: morning.AddDate(0, 0, 1).Add(time.Hour),
			},
			{Version: "1.1.0", AppVersion: "v1.1.0", Since: morning, Commit: commit},
		}},
		{Name: "prod", Versions: []Version{{
			Version: "1.1.0", AppVersion: "v1.1.0", Digest: digest(2), Since: morning.Add(2 * time.Hour), Commit: commit, Tested: true, Run: 40, Passed: 39, Failed: 1,
			VerifiedBy: "qa", TestedAt: morning.Add(time.Hour), Image: "ghcr.io/christianb93/bitcoin-controller:v1.1.0", ApprovedBy: []string{"alice", "bob"},
		}}},
		{Name: "archive"},
	}}
	out, err := s.Render()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
