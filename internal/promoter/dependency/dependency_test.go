package dependency

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

func TestWhatIsLockedIsDownloaded(t *testing.T) {
	t.Parallel()
	sub := packaged(t, "sub", "2.3.4")
	plus := packaged(t, "sub", "2.3.5+build.1")
	repo, host := newRepository(t, sub, packaged(t, "sub2", "2.9.9")), newRegistry(t, sub, plus)
	logins := []Repository{
		{Name: "own", URL: repo.URL + "/charts/", User: user, Password: password},
		{URL: "oci://" + host + "/charts", User: user, Password: password},
	}
	for name, c := range map[string]struct {
		repository, constraint, locked string
		want                           *chart.Package
	}{
		"from an index":                       {repo.URL + "/charts", "^2.0.0", "2.3.4", sub},
		"from an index with a slash":          {repo.URL + "/charts/", "^2.0.0", "2.3.4", sub},
		"by the name of the repository":       {"@own", "^2.0.0", "2.3.4", sub},
		"by its alias":                        {"alias:own", "^2.0.0", "2.3.4", sub},
		"one version without a lock file":     {"@own", "2.3.4", "", sub},
		"from a registry":                     {"oci://" + host + "/charts", "~2.3.0", "2.3.4", sub},
		"from a registry, with build details": {"oci://" + host + "/charts", "~2.3.0", "2.3.5+build.1", plus},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := declaring(t, c.repository, c.constraint, c.locked)
			cache := t.TempDir()
			built, err := Builder{Repositories: logins, Cache: cache}.Build(t.Context(), dir, top(dir))
			if err != nil {
				t.Fatal(err)
			}
			path := "charts/" + c.want.Filename()
			if len(built) != 1 || !bytes.Equal(built[path], c.want.Bytes) {
				t.Fatalf("built %v, want %s", slices.Collect(maps.Keys(built)), path)
			}
			first, err := chart.PackWith(dir, chart.PackOptions{Extra: built})
			if err != nil {
				t.Fatal(err)
			}
			// No login, and so no repository: the cache alone.
			again, err := Builder{Repositories: []Repository{{Name: "own", URL: logins[0].URL}}, Cache: cache}.Build(t.Context(), dir, top(dir))
			if err != nil {
				t.Fatal(err)
			}
			if second, err := chart.PackWith(dir, chart.PackOptions{Extra: again}); err != nil || second.Digest != first.Digest {
				t.Errorf("another package from the cache: %v", err)
			}
		})
	}
}

func TestWhatCannotBeBuiltNamesTheRemedy(t *testing.T) {
	t.Parallel()
	repo := newRepository(t, packaged(t, "sub", "2.3.4"), packaged(t, "bad", "1.0.0"))
	host := newRegistry(t, packaged(t, "sub", "2.3.4"))
	at := repo.URL + "/charts"
	repo.files["/wrong/index.yaml"] = bytes.ReplaceAll(repo.files["/charts/index.yaml"], []byte("files/sub-2.3.4.tgz"), []byte("/charts/files/bad-1.0.0.tgz"))
	repo.files["/other/index.yaml"] = bytes.ReplaceAll(repo.files["/wrong/index.yaml"], []byte(packaged(t, "sub", "2.3.4").Digest), nil)
	logins := []Repository{{URL: repo.URL, User: user, Password: password}, {URL: "oci://" + host, User: user, Password: password}}
	for name, c := range map[string]struct {
		repository, constraint, locked string
		logins                         []Repository
		want                           error
		kind                           failure.Kind
		mention                        string
	}{
		"no login":                        {at, "^2.0.0", "2.3.4", nil, ErrRepository, failure.External, "dependencies.repositories"},
		"no login at a registry":          {"oci://" + host + "/charts", "^2.0.0", "2.3.4", nil, ErrRepository, failure.External, "docker login"},
		"an address above the login's":    {at + "/../private", "^2.0.0", "2.3.4", []Repository{{URL: at, User: user, Password: password}}, ErrRepository, failure.External, "dependencies.repositories"},
		"a range without a lock file":     {at, "^2.0.0", "", logins, ErrNotLocked, failure.BadInput, "helm dependency update"},
		"a lock file that is out of date": {at, "^3.0.0", "2.3.4", logins, ErrNotLocked, failure.BadInput, `"^3.0.0"`},
		"a version that is gone":          {at, "^2.0.0", "2.3.9", logins, ErrNoVersion, failure.BadInput, "sub 2.3.9"},
		"a version that is gone, in OCI":  {"oci://" + host + "/charts", "^2.0.0", "2.3.9", logins, ErrNoVersion, failure.BadInput, "sub 2.3.9"},
		"a repository that is gone":       {"http://127.0.0.1:1/charts", "^2.0.0", "2.3.4", logins, ErrRepository, failure.External, "the network"},
		"an index that is gone":           {repo.URL + "/nowhere", "^2.0.0", "2.3.4", logins, ErrRepository, failure.External, "404"},
		"an unknown name":                 {"@nobody", "^2.0.0", "2.3.4", logins, ErrNoName, failure.BadInput, "@nobody"},
		"no address":                      {"s3://bucket", "^2.0.0", "2.3.4", logins, chart.ErrNoChart, failure.BadInput, "s3://bucket"},
		"another content":                 {repo.URL + "/wrong", "^2.0.0", "2.3.4", logins, ErrRepository, failure.External, "digest"},
		"another chart":                   {repo.URL + "/other", "^2.0.0", "2.3.4", logins, ErrRepository, failure.External, "bad 1.0.0 in place of sub 2.3.4"},
		"a directory of this machine":     {"file:///etc", "^2.0.0", "2.3.4", logins, chart.ErrUnsafe, failure.BadInput, "out of the repository"},
		"a directory above the commit":    {"file://../../..", "^2.0.0", "2.3.4", logins, chart.ErrUnsafe, failure.BadInput, "out of the repository"},
		"a directory that does not exist": {"file://../sub", "^2.0.0", "2.3.4", logins, chart.ErrMissingDependency, failure.BadInput, "file://../sub"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := declaring(t, c.repository, c.constraint, c.locked)
			_, err := Builder{Repositories: c.logins, Access: image.Access{Env: func(string) string { return "" }}}.Build(t.Context(), dir, top(dir))
			if !errors.Is(err, c.want) || failure.Of(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.mention) {
				t.Errorf("got %v, a %s error; want %v with %q", err, failure.Of(err), c.want, c.mention)
			}
			if strings.Contains(fmt.Sprint(err), password) {
				t.Error("the error has the password")
			}
		})
	}
}

func TestALoginIsSentToItsRepositoryAlone(t *testing.T) {
	t.Parallel()
	repo := newRepository(t, packaged(t, "sub", "2.3.4"))
	repo.files["/charts/index.yaml"] = bytes.ReplaceAll(repo.files["/charts/index.yaml"], []byte("files/"), []byte("moved/files/"))
	dir := declaring(t, repo.URL+"/charts", "^2.0.0", "2.3.4")
	login := Repository{URL: repo.URL + "/charts", User: user, Password: password}
	if _, err := (Builder{Repositories: []Repository{login}}).Build(t.Context(), dir, top(dir)); err != nil || repo.leaked.Load() != 0 {
		t.Errorf("after a redirect to another host: %v, %d requests with the login", err, repo.leaked.Load())
	}
	elsewhere := declaring(t, repo.other.URL+"/charts", "^2.0.0", "2.3.4")
	if _, err := (Builder{Repositories: []Repository{login}}).Build(t.Context(), elsewhere, top(elsewhere)); err != nil && !errors.Is(err, ErrRepository) || repo.leaked.Load() != 0 {
		t.Errorf("another repository: %v, %d requests with the login", err, repo.leaked.Load())
	}
	if text := fmt.Sprintf("%v %+v %#v", login, login, login); strings.Contains(text, password) {
		t.Errorf("printed as %s", text)
	}
}

func TestADamagedCacheEntryIsDownloadedAgain(t *testing.T) {
	t.Parallel()
	sub := packaged(t, "sub", "2.3.4")
	repo := newRepository(t, sub)
	dir := declaring(t, repo.URL+"/charts", "^2.0.0", "2.3.4")
	b := Builder{Repositories: []Repository{{URL: repo.URL, User: user, Password: password}}, Cache: t.TempDir()}
	if _, err := b.Build(t.Context(), dir, top(dir)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(b.Cache + "/*")
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	for content, more := range map[string]int32{string(sub.Bytes): 0, string(sub.Bytes[:20]): 2, string(packaged(t, "sub", "1.0.0").Bytes): 2} {
		want := repo.requests.Load() + more
		if err := os.WriteFile(files[0], []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		built, err := b.Build(t.Context(), dir, top(dir))
		if err != nil || !bytes.Equal(built["charts/sub-2.3.4.tgz"], sub.Bytes) || repo.requests.Load() != want {
			t.Errorf("%d bytes in the cache: %v, %d requests, want %d", len(content), err, repo.requests.Load(), want)
		}
	}
}

func TestADirectoryOfTheCommitIsPackagedWithItsOwnDependencies(t *testing.T) {
	t.Parallel()
	dir := declaring(t, "file://../sub", ">=0.0.0", "")
	commit := filepath.Dir(filepath.Dir(dir))
	testtools.PutFiles(t, commit, map[string]string{
		"charts/sub/Chart.yaml":               "apiVersion: v2\nname: sub\nversion: 0.1.0\ndependencies:\n- {name: base, version: 0.2.0, repository: \"file://../../library/base\"}\n",
		"library/base/Chart.yaml":             "apiVersion: v2\nname: base\nversion: 0.2.0\ntype: library\n",
		"library/base/templates/_helpers.tpl": "{{/* none */}}",
		"shared.md":                           "shared",
	})
	if err := os.Symlink("../../shared.md", commit+"/charts/sub/README.md"); err != nil {
		t.Fatal(err)
	}
	from := top(dir)
	built, err := Builder{}.Build(t.Context(), dir, from)
	if err != nil {
		t.Fatal(err)
	}
	p, err := chart.ReadPackage(built["charts/sub-0.1.0.tgz"])
	if err != nil {
		t.Fatalf("%v in %v", err, slices.Collect(maps.Keys(built)))
	}
	again, err := Builder{}.Build(t.Context(), dir, from)
	if err != nil || chart.Digest(again["charts/sub-0.1.0.tgz"]) != p.Digest {
		t.Errorf("another package the second time: %v", err)
	}
	if err := os.Remove(commit + "/library/base/Chart.yaml"); err != nil {
		t.Fatal(err)
	}
	if _, err := (Builder{}).Build(t.Context(), dir, from); failure.Of(err) != failure.BadInput {
		t.Errorf("without the chart that the dependency needs: %v", err)
	}
}

func TestChartsThatDependOnEachOtherAreAnError(t *testing.T) {
	t.Parallel()
	dir := declaring(t, "file://../sub", "*", "")
	testtools.PutFiles(t, filepath.Dir(dir), map[string]string{"sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 0.1.0\ndependencies:\n- {name: app, version: \"*\", repository: \"file://../app\"}\n"})
	if _, err := (Builder{}).Build(t.Context(), dir, top(dir)); !errors.Is(err, chart.ErrNoChart) || !strings.Contains(err.Error(), "depends on itself") {
		t.Errorf("got %v", err)
	}
}
