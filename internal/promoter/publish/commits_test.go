package publish

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/cli"
	"helm.sh/helm/v3/pkg/repo"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// commits is a repository with a history of so many commits; releases are tags, by the number of their commit.
func commits(t *testing.T, n int, releases map[int]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var stream strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter a <a@localhost> %d +0000\ndata 1\nx\nM 644 inline file\ndata <<E\n%d\nE\n\n", 1700000000+i, i)
		if tag := releases[i]; tag != "" {
			fmt.Fprintf(&stream, "reset refs/tags/%s\nfrom refs/heads/main\n\n", tag)
		}
	}
	if _, err := gitrepo.Init(t.Context(), dir, "main", false); err != nil {
		t.Fatal(err)
	}
	load := exec.Command("git", "-C", dir, "fast-import", "--quiet")
	load.Stdin = strings.NewReader(stream.String())
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// Of a hundred commits, three are releases. Each gets its version from git alone and is published.
// Helm lists them in the order of the commits, and installs the last release unless a development version is requested.
func TestHelmHasAHundredCommitsInTheirOrderAndInstallsTheLastRelease(t *testing.T) {
	t.Parallel()
	dir := commits(t, 100, map[int]string{10: "0.9", 45: "v1.0.0", 80: "v1.1.0"})
	list, err := exec.Command("git", "-C", dir, "rev-list", "--reverse", "main").Output()
	if err != nil {
		t.Fatal(err)
	}
	served := t.TempDir()
	target := open(t, Config{Directory: served})
	var versions []string
	for n, hash := range strings.Fields(string(list)) {
		if out, err := exec.Command("git", "-C", dir, "checkout", "-q", "--detach", hash).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		facts, _, err := gitrepo.Facts(t.Context(), dir, gitrepo.FactsOptions{})
		if err != nil {
			t.Fatal(err)
		}
		v, err := version.Derive(facts, version.SemVer)
		if err != nil {
			t.Fatal(err)
		}
		if v.Commit != hash || v.Release != (n+1 == 10 || n+1 == 45 || n+1 == 80) {
			t.Fatalf("commit %d is %+v", n+1, v)
		}
		versions = append(versions, v.Chart)
	}
	for at := range versions { // in any order
		publish(t, target, item(t, versions[at*37%len(versions)]))
	}
	index, err := repo.LoadIndexFile(filepath.Join(served, indexFile))
	if err != nil {
		t.Fatal(err)
	}
	index.SortEntries()
	for i, e := range index.Entries["operator"] {
		if want := versions[len(versions)-1-i]; e.Version != want {
			t.Fatalf("Helm has %s where the commit %s should be", e.Version, want)
		}
	}
	s := httptest.NewServer(http.FileServer(http.Dir(served)))
	t.Cleanup(s.Close)
	for devel, want := range map[string]string{"": "1.1.0", ">0.0.0-0": versions[99]} { // the latter is what --devel stands for
		cache := t.TempDir()
		locate := action.ChartPathOptions{RepoURL: s.URL, Version: devel}
		path, err := locate.LocateChart("operator", &cli.EnvSettings{RepositoryCache: cache, RepositoryConfig: cache + "/repositories.yaml"})
		if err != nil {
			t.Fatal(err)
		}
		archive, err := os.ReadFile(path)
		if err != nil || chart.Digest(archive) != item(t, want).Package.Digest {
			t.Errorf("with the version %q Helm installs %s, want %s (%v)", devel, filepath.Base(path), want, err)
		}
	}
}
