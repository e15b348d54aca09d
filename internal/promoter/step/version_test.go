package step

import (
	"errors"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

func TestAReleaseTagWithAPrefixNamesImageAndChartWithoutIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.p.Config.Version.TagPrefix = "hello/"
	w.tag("v9.0.0")
	w.tag("hello/v1.0.0")
	b := w.built()
	if b.Tag != "v1.0.0" || !b.Version.Release || b.Version.Chart != "1.0.0" || b.Version.App != "v1.0.0" {
		t.Errorf("the build is %+v", b)
	}
	if _, err := Bump(t.Context(), w.p); err != nil {
		t.Fatal(err)
	}
	c, err := w.p.candidates().Open(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	if head, _ := w.source.Head(t.Context()); c.SourceCommit != head || c.Package.Version != "1.0.0" || c.Package.AppVersion != "v1.0.0" {
		t.Errorf("the candidate is %s %s of %s, built from %s", c.Package.Version, c.Package.AppVersion, c.SourceCommit, head)
	}
}

func TestATagThatIsNoVersionIsReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["GITHUB_ACTIONS"], w.env["GITHUB_REF_TYPE"] = "true", "tag"
	w.env["GITHUB_SHA"], _ = w.source.Head(t.Context())
	for tag, want := range map[string]string{"nightly": "use X.Y.Z", "app-1.2.3": "set version.tagPrefix to app-", "release-1.2.3": "set version.tagPrefix to release-", "helm-v2.1.0": "set version.tagPrefix to helm-"} {
		w.env["GITHUB_REF_NAME"] = tag
		if v, err := Version(t.Context(), w.p); err != nil || v.Release || !strings.Contains(w.log.String(), "tag "+tag+" is no version") || !strings.Contains(w.log.String(), want) {
			t.Errorf("%s: %+v, %v, %s", tag, v, err, w.log)
		}
	}
	for tag, want := range map[string]string{"v1.1.0+up2": "build metadata", "V1.0.0": "small letter", "1.2.3.4": "three numbers", "2024.01.05": "leading zero"} {
		w.env["GITHUB_REF_NAME"] = tag
		if _, err := Version(t.Context(), w.p); !errors.Is(err, version.ErrNotAVersion) || failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", tag, err)
		}
	}
}
