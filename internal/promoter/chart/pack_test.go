package chart

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/action"
	helm "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
)

// awkward is a chart with contents that break packagers: a byte order mark, Windows
// line ends, anchors, a subchart, a file that is ignored, comments in Chart.yaml.
func awkward() map[string]string {
	return map[string]string{
		"Chart.yaml":                "# kept\napiVersion: v2\nname: awkward\nversion: 1.2.3-rc.1\nappVersion: \"0123456\"\ndependencies:\n- name: sub\n  version: 0.1.0\n  condition: sub.enabled\n",
		"values.yaml":               "\ufeffimage: &i\r\n  tag: 'a'   # why\r\nother: *i\r\n",
		"templates/configmap.yaml":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {tag: {{ .Values.image.tag | quote }}}\n",
		"templates/.hidden":         "ignored by Helm's own rule",
		"crds/a.yaml":               "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: as.example.com}\n",
		"charts/sub/Chart.yaml":     "apiVersion: v2\nname: sub\nversion: 0.1.0\n",
		"charts/sub/templates/a.md": "{{/* nothing */}}",
		"README.md":                 "# read me\n",
		".helmignore":               "*.bak\nsecret/\n",
		"a.bak":                     "ignored",
		"secret/key":                "ignored",
		".git/config":               "never in a package",
	}
}

func writeChart(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func pack(t testing.TB, dir string) *Package {
	t.Helper()
	p, err := Pack(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The digest is a constant, so that the test fails if a new version of Go or of this code
// packs differently: published versions could then not be reproduced.
func TestSameChartHasTheSameDigestOnAnyMachineAndDay(t *testing.T) {
	const want = "404f09c35a7cc588a13d6355d846edc575f1e164f996605bedf75fb9be58cc0c"
	if got := pack(t, writeChart(t, awkward())).Digest; got != want {
		t.Errorf("the digest is %s, was %s", got, want)
	}
}

func TestOnlyContentChangesTheDigest(t *testing.T) {
	first := pack(t, writeChart(t, awkward()))
	changes := map[string]func(dir string) error{
		"other times": func(dir string) error { return os.Chtimes(dir+"/values.yaml", time.Unix(1, 0), time.Unix(1, 0)) },
		"other permissions": func(dir string) error {
			return errors.Join(os.Chmod(dir+"/values.yaml", 0o700), os.Chmod(dir+"/templates", 0o700))
		},
		"another owner":      func(dir string) error { return ignorePermission(os.Chown(dir+"/values.yaml", 12, 34)) },
		"an empty directory": func(dir string) error { return os.Mkdir(dir+"/empty", 0o755) },
		"an ignored file":    func(dir string) error { return os.WriteFile(dir+"/b.bak", nil, 0o644) },
		"written in another order": func(dir string) error {
			return errors.Join(os.Rename(dir+"/Chart.yaml", dir+"/x"), os.Rename(dir+"/README.md", dir+"/y"), os.Rename(dir+"/y", dir+"/README.md"), os.Rename(dir+"/x", dir+"/Chart.yaml"))
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			dir := writeChart(t, awkward())
			if err := change(dir); err != nil {
				t.Fatal(err)
			}
			if got := pack(t, dir); got.Digest != first.Digest {
				t.Errorf("the digest changed")
			}
		})
	}
	t.Run("under another umask", func(t *testing.T) {
		defer syscall.Umask(syscall.Umask(0o077))
		if got := pack(t, writeChart(t, awkward())); got.Digest != first.Digest {
			t.Errorf("the digest changed")
		}
	})
	t.Run("but one changed byte changes it", func(t *testing.T) {
		files := awkward()
		files["README.md"] += " "
		if got := pack(t, writeChart(t, files)); got.Digest == first.Digest {
			t.Errorf("the digest did not change")
		}
	})
}

func ignorePermission(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return nil
	}
	return err
}

func TestPackKeepsEveryFileAsItIs(t *testing.T) {
	p := pack(t, writeChart(t, awkward()))
	want := awkward()
	for _, ignored := range []string{"a.bak", "secret/key", ".git/config", "templates/.hidden"} {
		delete(want, ignored)
	}
	got := map[string]string{}
	for name, content := range untar(t, p.Bytes) {
		got[strings.TrimPrefix(name, "awkward/")] = content
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if p.Name != "awkward" || p.Version != "1.2.3-rc.1" || p.AppVersion != "0123456" || p.Filename() != "awkward-1.2.3-rc.1.tgz" {
		t.Errorf("read as %+v", p)
	}
}

func TestHelmReadsThePackageAsItReadsTheDirectory(t *testing.T) {
	dir := writeChart(t, awkward())
	p := pack(t, dir)
	fromDir, err := loader.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), p.Filename())
	if err := os.WriteFile(file, p.Bytes, 0o644); err != nil {
		t.Fatal(err)
	}
	fromPackage, err := loader.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*helm.Chart{fromDir, fromPackage} {
		c.Raw = slices.DeleteFunc(c.Raw, func(f *helm.File) bool { return strings.HasPrefix(f.Name, ".git/") })
		c.Files = slices.DeleteFunc(c.Files, func(f *helm.File) bool { return strings.HasPrefix(f.Name, ".git/") })
		slices.SortFunc(c.Raw, func(a, b *helm.File) int { return strings.Compare(a.Name, b.Name) })
		slices.SortFunc(c.Files, func(a, b *helm.File) int { return strings.Compare(a.Name, b.Name) })
	}
	if diff := cmp.Diff(fromDir, fromPackage, cmp.AllowUnexported(helm.Chart{}), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".parent" }, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
	show := action.NewShowWithConfig(action.ShowAll, &action.Configuration{})
	shown, err := show.Run(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"appVersion: \"0123456\"", "tag: 'a'   # why", "# read me", "as.example.com"} {
		if !strings.Contains(shown, want) {
			t.Errorf("helm show all does not show %q:\n%s", want, shown)
		}
	}
}

func TestPackLinks(t *testing.T) {
	cases := map[string]struct {
		link, to string
		want     error
	}{
		"a link to a file within the chart is followed":           {"copy.md", "README.md", nil},
		"a link to a directory within the chart is followed":      {"more", "templates", nil},
		"a link out of the chart is rejected":                     {"passwd", "/etc/passwd", ErrUnsafe},
		"a link out of the chart by a relative path is rejected":  {"up", "../../etc", ErrUnsafe},
		"a link to a parent is rejected":                          {"templates/loop", "..", ErrUnsafe},
		"a link to nothing is rejected":                           {"gone", "nowhere", ErrUnsafe},
		"a link that .helmignore names may lead anywhere":         {"x.bak", "/etc/passwd", nil},
		"a link to a directory beside with the same first part":   {"near", "SIBLING", ErrUnsafe},
		"a link to a device is rejected even if nothing reads it": {"null", "/dev/null", ErrUnsafe},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := writeChart(t, awkward())
			if c.to == "SIBLING" {
				c.to = dir + "-sibling"
				if err := os.Mkdir(c.to, 0o755); err != nil {
					t.Fatal(err)
				}
				defer os.RemoveAll(c.to)
			}
			if err := os.Symlink(c.to, filepath.Join(dir, c.link)); err != nil {
				t.Fatal(err)
			}
			if _, err := Pack(dir); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	t.Run("the chart's directory may itself be a link", func(t *testing.T) {
		dir := writeChart(t, awkward())
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(dir, link); err != nil {
			t.Fatal(err)
		}
		if a, b := pack(t, dir), pack(t, link); a.Digest != b.Digest {
			t.Error("another digest by a link")
		}
	})
}

func TestPackRejects(t *testing.T) {
	cases := map[string]struct {
		change func(files map[string]string)
		want   error
	}{
		"a missing Chart.yaml":       {func(f map[string]string) { delete(f, "Chart.yaml") }, ErrNoChart},
		"a malformed Chart.yaml":     {func(f map[string]string) { f["Chart.yaml"] = "a: [" }, ErrNoChart},
		"a malformed values.yaml":    {func(f map[string]string) { f["values.yaml"] = "a: [" }, ErrNoChart},
		"a chart without a name":     {func(f map[string]string) { f["Chart.yaml"] = "version: 1.0.0\n" }, ErrNoChart},
		"a name that is a path":      {func(f map[string]string) { f["Chart.yaml"] = "name: ../a\nversion: 1.0.0\n" }, ErrNoChart},
		"a version that is none":     {func(f map[string]string) { f["Chart.yaml"] = "name: a\nversion: one\n" }, ErrNoChart},
		"a dependency not in charts": {func(f map[string]string) { delete(f, "charts/sub/Chart.yaml"); delete(f, "charts/sub/templates/a.md") }, ErrMissingDependency},
		"a file too large for Helm":  {func(f map[string]string) { f["big"] = strings.Repeat("x", 5<<20+1) }, ErrNoChart},
		"a backslash in a name":      {func(f map[string]string) { f[`a\b`] = "" }, ErrUnsafe},
		"a bad pattern in ignore":    {func(f map[string]string) { f[".helmignore"] = "a**b\n" }, ErrNoChart},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			files := awkward()
			c.change(files)
			if _, err := Pack(writeChart(t, files)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if _, err := Pack(filepath.Join(t.TempDir(), "nowhere")); !errors.Is(err, ErrNoChart) {
		t.Errorf("no directory: %v", err)
	}
}
