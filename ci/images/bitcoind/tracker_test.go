package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestVersionsAreInTheOrderOfDpkg(t *testing.T) {
	ordered := []string{
		"0", "1.0~beta1-1", "1.0~rc1", "1.0", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0-2", "1.0a", "1.0a-1", "1.0+dfsg-1", "1.0.1", "1.2", "1.10", "29.4.knots20260508.3-1", "1:0.1",
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got, want := compareVersions(a, b), min(max(i-j, -1), 1); got != want {
				t.Errorf("%s and %s: %d, want %d", a, b, got, want)
			}
		}
	}
	for _, same := range [][2]string{{"1.0", "1.0-0"}, {"1.01", "1.1"}, {"0:1", "1"}, {"1.0-1", "1.0-01"}} {
		if compareVersions(same[0], same[1]) != 0 {
			t.Errorf("%s and %s differ", same[0], same[1])
		}
	}
}

func FuzzCompareVersions(f *testing.F) {
	f.Add("1:1.0~rc1-1", "1.0+dfsg-1")
	f.Fuzz(func(t *testing.T, a, b string) {
		if compareVersions(a, b) != -compareVersions(b, a) || compareVersions(a, a) != 0 {
			t.Errorf("%q and %q have no order", a, b)
		}
	})
}

const trackerText = `{
"other": {"CVE-1": {"releases": {"sid": {"status": "resolved", "fixed_version": "99"}}}},
"zlib": {
  "CVE-2": {"description": "overflow", "releases": {"sid": {"status": "resolved", "fixed_version": "FIXED"}, "trixie": {"status": "open"}}},
  "CVE-3": {"releases": {"sid": {"status": "resolved", "fixed_version": "0"}}},
  "CVE-4": {"releases": {"sid": {"status": "open", "urgency": "unimportant"}}},
  "CVE-5": {"releases": {"sid": {"status": "undetermined"}}},
  "CVE-6": {"releases": {"trixie": {"status": "open"}}}
}}`

func TestWhatDebianHasFixedIsReported(t *testing.T) {
	sources := map[string][]string{"zlib": {"1:1.3.1-1"}, "libz": {"1"}}
	for fixed, want := range map[string]error{"1:1.3.1-1": nil, "1:1.3.0-9": nil, "1:1.3.1-2": errVulnerable} {
		known, err := readTracker(strings.NewReader(strings.Replace(trackerText, "FIXED", fixed, 1)), sources)
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		if err := report(sources, known, &log); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("fixed in %s: %v, want %v", fixed, err, want)
		}
		lines := []string{"zlib 1:1.3.1-1: CVE-5, without a fix in Debian"}
		n := "0"
		if want != nil {
			lines, n = slices.Insert(lines, 0, "zlib 1:1.3.1-1: CVE-2, fixed in "+fixed+": overflow"), "1"
		}
		lines = append(lines, n+" vulnerabilities that Debian has fixed, 1 without a fix, and 1 that Debian calls unimportant, in 2 source packages", "")
		if got := strings.Split(log.String(), "\n"); !slices.Equal(got, lines) {
			t.Errorf("fixed in %s: printed\n%s", fixed, log.String())
		}
	}
}

func TestWhatIsNoDataOfTheTrackerIsAnError(t *testing.T) {
	file := t.TempDir() + "/data.json"
	for text, want := range map[string]string{
		"":                  "EOF",
		"[]":                "it is not an object",
		"{}":                "none of its 0 packages is in the image",
		`{"other": {}}`:     "none of its 1 packages is in the image",
		`{"glibc": {}`:      "EOF",
		`{"glibc": [1]}`:    "glibc: ",
		"<html>busy</html>": "invalid character",
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := vulnerabilities(file, t.Output()); err == nil || !strings.Contains(err.Error(), "is not the data of Debian's security tracker") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if err := os.WriteFile(file, []byte(`{"glibc": {"CVE-1": {"releases": {"sid": {"status": "resolved", "fixed_version": "999"}}}}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := vulnerabilities(file, t.Output()); !errors.Is(err, errVulnerable) {
		t.Errorf("a fix that the pins lack: %v", err)
	}
}
