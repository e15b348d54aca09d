package step

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
)

// publishAs puts versions of the chart into prod as they would be after so many promotions.
func publishAs(t *testing.T, w *world, versions ...string) publish.Target {
	t.Helper()
	target, err := w.p.Stages().Target(w.p.Config.Stage("prod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		if _, err := target.Publish(t.Context(), publish.Item{Package: versioned(t, w, v), Created: w.p.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	return target
}

// versioned is the source's chart under another version.
func versioned(t *testing.T, w *world, v string) *chart.Package {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "hello")
	if err := os.CopyFS(dir, os.DirFS(w.source.Dir+"/charts/hello")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(dir + "/Chart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if data, err = chart.Edit(data, []chart.Change{{Path: "version", Value: v}}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/Chart.yaml", data, 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := chart.Pack(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Named for a tool that installs the candidate's own version first and calls it an upgrade.
func TestUpgradeTestsThatTestTheSameVersion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		published       []string
		candidate, want string
	}{
		"a development build after the last release":  {[]string{"1.0.0", "1.1.0"}, "1.1.1-dev.3.gabcdef0", "1.1.0"},
		"a release that is published already":         {[]string{"1.0.0", "1.1.0"}, "1.1.0", "1.0.0"},
		"a fix of an old line is no downgrade":        {[]string{"1.0.0", "1.1.0", "1.2.0"}, "1.0.1", "1.0.0"},
		"prereleases are not what people upgrade":     {[]string{"1.0.0", "1.1.0-rc.1"}, "1.1.0", "1.0.0"},
		"the only release is the candidate":           {[]string{"1.0.0"}, "1.0.0", ""},
		"only higher releases":                        {[]string{"2.0.0"}, "1.0.0", ""},
		"nothing is published":                        {nil, "1.0.0", ""},
		"nothing but a prerelease, which is below it": {[]string{"1.0.0-rc.1"}, "1.0.0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			publishAs(t, w, c.published...)
			got, err := w.p.previous(t.Context(), "prod", &candidate.Candidate{Package: versioned(t, w, c.candidate)})
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if got != nil {
					t.Errorf("it upgrades from %s", got.version)
				}
				return
			}
			if got == nil || got.version != c.want || chart.Digest(got.pkg) != versioned(t, w, c.want).Digest {
				t.Errorf("it upgrades from %+v, want %s and its package", got, c.want)
			}
		})
	}
}

// Named for a tool that reports nothing when there is no version to upgrade from.
func TestUpgradeTestsSkippedInSilence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		published []string
		want      string
	}{
		"nothing is published":       {nil, "has not published a release, so no upgrade is tested"},
		"nothing below is published": {[]string{"1.0.0"}, "no release below 1.0.0, so no upgrade is tested"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			publishAs(t, w, c.published...)
			if _, err := w.p.previous(t.Context(), "prod", &candidate.Candidate{Package: versioned(t, w, "1.0.0")}); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(w.log.String(), c.want) {
				t.Errorf("it reports %q, want %q", w.log, c.want)
			}
		})
	}
}

func TestAnUpgradeFromAPackageThatIsGoneIsAFaultOfTheRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.p.Config.Stage("prod").Publish = &config.Publish{Directory: dir}
	publishAs(t, w, "1.0.0")
	if err := os.Remove(dir + "/hello-1.0.0.tgz"); err != nil {
		t.Fatal(err)
	}
	_, err := w.p.previous(t.Context(), "prod", &candidate.Candidate{Package: versioned(t, w, "1.1.0")})
	if !errors.Is(err, publish.ErrArchiveMissing) || failure.Of(err) != failure.External {
		t.Errorf("got %v (%s)", err, failure.Of(err))
	}
}

// A package that was published before chart.scalars became what it is now is upgraded all the same: only its image is not
// brought to the node beforehand. A candidate without those values would be tested with another image than was built.
func TestWhereAPackageNamesItsImage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values, repository, tag string
		image                   string // empty: it is not found
	}{
		"where the configuration reports":     {"image: {repository: example.com/a, tag: v1}\n", "image.repository", "image.tag", "example.com/a:v1"},
		"in a list":                           {"containers: [{repository: example.com/a, tag: v1}]\n", "containers[0].repository", "containers[0].tag", "example.com/a:v1"},
		"below a key with a dot":              {"a.b: {repository: example.com/a, tag: v1}\n", `a\.b.repository`, `a\.b.tag`, "example.com/a:v1"},
		"nowhere":                             {"other: {}\n", "image.repository", "image.tag", ""},
		"without a tag":                       {"image: {repository: example.com/a}\n", "image.repository", "image.tag", ""},
		"with a tag that is null":             {"image: {repository: example.com/a, tag: }\n", "image.repository", "image.tag", ""},
		"where no configuration has reported": {"other: {}\n", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("charts/hello/values.yaml", c.values)
			w.p.Config.Chart.Fields = map[string]map[string]string{"values.yaml": {c.repository: "imageRepository", c.tag: "imageTag"}}
			if c.repository == "" {
				w.p.Config.Chart.Fields = nil
			}
			publishAs(t, w, "1.0.0")
			old, err := w.p.previous(t.Context(), "prod", &candidate.Candidate{Package: versioned(t, w, "1.1.0")})
			if err != nil || old == nil || strings.Join(refs(old.images), " ") != c.image {
				t.Errorf("the previous package: %+v, %v, want the image %q", old, err, c.image)
			}
		})
	}
}

func TestAnUpgradeIsFromTheLastReleaseOfTheCommitsLine(t *testing.T) {
	t.Parallel()
	w := branched(t)
	publishAs(t, w, "0.1.0", "0.2.0", "0.2.1")
	git(t, w.source.Dir, "branch", "release-0.1", "v0.1.0")
	for branch, want := range map[string]string{"main": "0.2.1", "release-0.2": "0.2.1", "release-0.1": "0.1.0"} {
		git(t, w.source.Dir, "checkout", "-q", branch)
		git(t, w.source.Dir, "-c", "user.name=A", "-c", "user.email=a@localhost", "commit", "-q", "--allow-empty", "-m", "fix: a")
		v, err := Version(t.Context(), w.p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.p.previous(t.Context(), "prod", &candidate.Candidate{Package: versioned(t, w, v.Chart)})
		if err != nil || got == nil || got.version != want {
			t.Errorf("%s, %s: it upgrades from %+v, %v; want %s", branch, v.Chart, got, err, want)
		}
	}
}
