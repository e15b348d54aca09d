package gitrepo

import (
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// committed is a repository with one commit of these files; a content that starts with -> is a link.
func committed(t *testing.T, dir string, files map[string]string) *Repo {
	t.Helper()
	r, err := Init(t.Context(), dir, "main", false)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		write := os.WriteFile
		if target, ok := strings.CutPrefix(content, "->"); ok {
			content, write = target, func(path string, target []byte, _ fs.FileMode) error { return os.Symlink(string(target), path) }
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), write(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	commitAll(t, r)
	return r
}

func commitAll(t *testing.T, r *Repo) string {
	t.Helper()
	if err := r.Add(t.Context()); err != nil {
		t.Fatal(err)
	}
	hash, err := r.Commit(t.Context(), "files", Author{Name: "A", Email: "a@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// need are the files that a tree of HEAD has after these paths are needed, with what they or their links hold.
func need(t *testing.T, r *Repo, paths ...string) map[string]string {
	t.Helper()
	tree, err := r.Tree(t.Context(), "HEAD", filepath.Join(t.TempDir(), "tree"))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for _, p := range paths {
		if err := tree.Need(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	found := map[string]string{}
	err = filepath.WalkDir(tree.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(tree.Dir, path)
		if err != nil {
			return err
		}
		content, _ := os.ReadFile(path)
		found[filepath.ToSlash(rel)] = string(content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestATreeHasOnlyWhatIsNeededAndWhereLinksLead(t *testing.T) {
	t.Parallel()
	r := committed(t, t.TempDir(), map[string]string{
		"charts/app/Chart.yaml": "app", "charts/app/shared": "->../../shared/dir", "charts/app/out": "->../../../etc", "charts/app/abs": "->/etc/hostname",
		"charts/app/loop": "->loop", "charts/app2/Chart.yaml": "app2", "shared/dir/a": "a", "shared/dir/b": "->../../other/b", "other/b": "b", "other/c": "c",
		"deploy": "->charts", "big/file": "big",
	})
	all := []string{"charts/app/Chart.yaml", "charts/app/shared", "charts/app/out", "charts/app/abs", "charts/app/loop", "shared/dir/a", "shared/dir/b", "other/b"}
	for name, c := range map[string]struct {
		need []string
		want []string
	}{
		"a directory, and where its links lead": {[]string{"charts/app"}, all},
		"a file":                                {[]string{"big/file"}, []string{"big/file"}},
		"two paths, one twice":                  {[]string{"big", "other/c", "big"}, []string{"big/file", "other/c"}},
		"through a link":                        {[]string{"deploy/app"}, append([]string{"deploy"}, all...)},
		"what does not exist":                   {[]string{"nowhere", "../charts", "/etc"}, nil},
		"the whole commit":                      {[]string{"."}, append([]string{"deploy", "charts/app2/Chart.yaml", "other/c", "big/file"}, all...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := slices.Sorted(maps.Keys(need(t, r, c.need...)))
			if slices.Sort(c.want); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if got := need(t, r, "charts/app"); got["shared/dir/b"] != "b" || got["charts/app/Chart.yaml"] != "app" {
		t.Errorf("got %q", got)
	}
}

// Neither the files nor the directories beside the needed ones exist in the repository, as in a clone that lacks them.
func TestATreeReadsNothingBesideWhatIsNeeded(t *testing.T) {
	t.Parallel()
	r := committed(t, t.TempDir(), map[string]string{"charts/app/Chart.yaml": "app", "charts/app/lib": "->../lib", "charts/lib/a": "a", "charts/other/b": "b", "src/deep/c": "c"})
	objects, err := r.Objects(t.Context(), false, "HEAD:charts/other", "HEAD:charts/other/b", "HEAD:src", "HEAD:src/deep", "HEAD:src/deep/c")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if err := os.Remove(filepath.Join(r.Dir, ".git", "objects", o.Hash[:2], o.Hash[2:])); err != nil {
			t.Fatal(err)
		}
	}
	if got := need(t, r, "charts/app", "missing/path"); got["charts/app/Chart.yaml"] != "app" || got["charts/lib/a"] != "a" {
		t.Errorf("got %q", got)
	}
}

func TestFilesOfATreeAreWrittenByTheAttributesOfAllTheirDirectories(t *testing.T) {
	t.Parallel()
	r := committed(t, t.TempDir(), map[string]string{
		".gitattributes": "[attr]windows text eol=crlf\n*.top windows\n", "charts/.gitattributes": "*.above windows\n", "charts/app/.gitattributes": "*.own windows\n",
		"charts/app/a.top": "a\n", "charts/app/a.above": "a\n", "charts/app/a.own": "a\n", "charts/app/a": "a\n",
	})
	for _, p := range []string{".gitattributes", "charts"} { // git prefers those of the work tree
		if err := os.RemoveAll(filepath.Join(r.Dir, p)); err != nil {
			t.Fatal(err)
		}
	}
	got := need(t, r, "charts/app")
	for name, want := range map[string]string{"a.top": "a\r\n", "a.above": "a\r\n", "a.own": "a\r\n", "a": "a\n"} {
		if got["charts/app/"+name] != want {
			t.Errorf("%s is %q, want %q", name, got["charts/app/"+name], want)
		}
	}
}

func TestASubmoduleOfWhichAPartIsNeededIsCompletedLater(t *testing.T) {
	t.Parallel()
	dir := withSubmodule(t, func(string) string { return "../nowhere" })
	top := &Repo{Dir: dir + "/top"}
	for _, args := range [][]string{{"-c", "protocol.file.allow=always", "clone", "-q", dir + "/charts", dir + "/top/charts"}, {"-c", "protocol.file.allow=always", "clone", "-q", dir + "/sub", dir + "/top/charts/app/charts/sub"}} {
		if err := os.RemoveAll(args[len(args)-1]); err != nil {
			t.Fatal(err)
		}
		if _, err := top.git(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"charts/LICENSE", "charts/app/Chart.yaml", "charts/app/README.md", "charts/app/charts/sub/Chart.yaml", "main.go"}
	for _, paths := range [][]string{{"."}, {"charts/app/charts/sub", "."}, {"charts/LICENSE", "charts/app", "charts", "."}} {
		got := slices.Sorted(maps.Keys(need(t, top, paths...)))
		if got = slices.DeleteFunc(got, func(p string) bool { return path.Base(p) == ".gitmodules" }); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", paths, got, want)
		}
	}
}

// withSubmodule is a repository whose directory charts is a submodule, in a clone of its own, and which a second submodule is in.
func withSubmodule(t *testing.T, address func(name string) string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	committed(t, dir+"/sub", map[string]string{"Chart.yaml": "sub"})
	charts := committed(t, dir+"/charts", map[string]string{"app/Chart.yaml": "app", "app/README.md": "->../LICENSE", "LICENSE": "license"})
	top := committed(t, dir+"/top", map[string]string{"main.go": "package main"})
	addSubmodule(t, charts.Dir, address("sub"), dir+"/sub", "app/charts/sub")
	commitAll(t, charts)
	addSubmodule(t, top.Dir, address("charts"), dir+"/charts", "charts")
	commitAll(t, top)
	return dir
}

// addSubmodule adds a submodule from a directory, under another address.
func addSubmodule(t *testing.T, dir, address, from, at string) {
	t.Helper()
	for _, args := range [][]string{
		{"-c", "protocol.file.allow=always", "submodule", "-q", "add", "--name", at, from, at},
		{"config", "-f", ".gitmodules", "submodule." + at + ".url", address},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v %s", args, err, out)
		}
	}
}

func TestSubmodulesAreTakenFromTheWorkTreeOrFetched(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	root := t.TempDir()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serveCGI(w, r, backend, root) }))
	t.Cleanup(server.Close)
	dir := withSubmodule(t, func(name string) string { return "../" + name })
	if err := os.Rename(dir, root+"/r"); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"charts/app/Chart.yaml": "app", "charts/app/README.md": "license", "charts/LICENSE": "license", "charts/app/charts/sub/Chart.yaml": "sub"}
	clone, err := Clone(t.Context(), server.URL+"/r/top", t.TempDir(), CloneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := need(t, clone, "charts/app"); !maps.Equal(got, want) {
		t.Errorf("fetched: %q, want %q", got, want)
	}
	// A clone in the work tree needs no network, and no address that exists.
	server.Close()
	for _, c := range [][2]string{{"charts", "charts"}, {"sub", "charts/app/charts/sub"}} {
		cmd := exec.Command("git", "-c", "protocol.file.allow=always", "clone", "-q", root+"/r/"+c[0], clone.Dir+"/"+c[1])
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	if got := need(t, clone, "charts/app"); !maps.Equal(got, want) {
		t.Errorf("from the work tree: %q, want %q", got, want)
	}
}

func TestASubmoduleThatCannotBeFetchedIsAnErrorAndReadsNoFileOfThisMachine(t *testing.T) {
	t.Parallel()
	other := t.TempDir()
	committed(t, other, map[string]string{"Chart.yaml": "mine"})
	for name, address := range map[string]string{
		"a directory of this machine": other, "a file address": "file://" + other, "a program": "ext::touch " + other + "/ran", "an option": "--upload-pack=touch " + other + "/ran",
		"nothing": "", "a server that is gone": "http://127.0.0.1:1/x.git", "relative to no origin": "../x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := committed(t, t.TempDir(), map[string]string{"a": "a"})
			addSubmodule(t, r.Dir, address, other, "chart")
			commitAll(t, r)
			if err := os.RemoveAll(r.Dir + "/chart"); err != nil {
				t.Fatal(err)
			}
			tree, err := r.Tree(t.Context(), "HEAD", t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			err = tree.Need(t.Context(), "chart")
			if failure.Of(err) != failure.BadInput && failure.Of(err) != failure.External || !strings.Contains(err.Error(), "the submodule chart") {
				t.Errorf("got %v, a %s error", err, failure.Of(err))
			}
			if _, err := os.Stat(other + "/ran"); err == nil {
				t.Error("a program ran")
			}
		})
	}
}

func TestRelativeAddressesOfSubmodules(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"https://example.com/a/b.git", "../c.git", "https://example.com/a/c.git"},
		{"https://example.com/a/b.git/", "../../c.git", "https://example.com/c.git"},
		{"git@example.com:a/b.git", "../c.git", "git@example.com:a/c.git"},
		{"git@example.com:b.git", "../c.git", "git@example.com:c.git"},
		{"/srv/a", "./b", "/srv/a/b"},
	} {
		if got := relativeURL(c[0], c[1]); got != c[2] {
			t.Errorf("%s at %s is %s, want %s", c[1], c[0], got, c[2])
		}
	}
}
