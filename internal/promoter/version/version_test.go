package version

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	helm "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/repo"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

func TestDerive(t *testing.T) {
	cases := map[string]struct {
		facts  Facts
		scheme Scheme
		want   Version
	}{
		"a tag of two numbers is a release": {Facts{Tag: "0.9"}, SemVer, Version{ImageTag: "0.9", Chart: "0.9.0", App: "0.9", Release: true}},
		"a tag of three with v":             {Facts{Tag: "v1.2.3"}, SemVer, Version{ImageTag: "v1.2.3", Chart: "1.2.3", App: "v1.2.3", Release: true}},
		"a release candidate is none":       {Facts{Tag: "1.0.0-rc.1"}, SemVer, Version{ImageTag: "1.0.0-rc.1", Chart: "1.0.0-rc.1", App: "1.0.0-rc.1", Prerelease: true}},
		"an old release candidate":          {Facts{Tag: "v1.0-rc1"}, SemVer, Version{ImageTag: "v1.0-rc1", Chart: "1.0.0-rc1", App: "v1.0-rc1", Prerelease: true}},
		"a tag in a shallow clone":          {Facts{Tag: "1.0.0", Shallow: true}, SemVer, Version{ImageTag: "1.0.0", Chart: "1.0.0", App: "1.0.0", Release: true}},
		"a commit after a release":          {Facts{BaseTag: "v1.2.3", Distance: 14}, SemVer, Version{ImageTag: "0123456", Chart: "1.2.4-dev.14.g0123456", App: "0123456"}},
		"a commit after a short release":    {Facts{BaseTag: "0.9", Distance: 1}, "", Version{ImageTag: "0123456", Chart: "0.9.1-dev.1.g0123456", App: "0123456"}},
		"a branch build of a tagged commit": {Facts{BaseTag: "1.0.0"}, SemVer, Version{ImageTag: "0123456", Chart: "1.0.1-dev.0.g0123456", App: "0123456"}},
		"a commit after a candidate":        {Facts{BaseTag: "1.0.0-rc.1", Distance: 3}, SemVer, Version{ImageTag: "0123456", Chart: "1.0.0-rc.1.0.dev.3.g0123456", App: "0123456"}},
		"no tag at all":                     {Facts{Distance: 7}, SemVer, Version{ImageTag: "0123456", Chart: "0.0.1-dev.7.g0123456", App: "0123456"}},
		"a tag that is no version":          {Facts{Tag: "nightly", BaseTag: "1.0.0", Distance: 2}, SemVer, Version{ImageTag: "0123456", Chart: "1.0.1-dev.2.g0123456", App: "0123456"}},
		"legacy, a release":                 {Facts{Tag: "0.9"}, Legacy, Version{ImageTag: "0.9", Chart: "0.9", App: "0.9", Release: true}},
		"legacy, a commit":                  {Facts{BaseTag: "0.9", Distance: 5}, Legacy, Version{ImageTag: "0123456", Chart: "0.9-dev0123456", App: "0123456"}},
		"legacy, no tag":                    {Facts{Distance: 5}, Legacy, Version{ImageTag: "0123456", Chart: "0.0.0-dev0123456", App: "0123456"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.facts.Commit, c.want.Commit = commit, commit
			got, err := Derive(c.facts, c.scheme)
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
			if _, err := semver.StrictNewVersion(got.Chart); err != nil && c.scheme != Legacy {
				t.Errorf("%s is not strict SemVer: %v", got.Chart, err)
			}
		})
	}
}

func TestDeriveRejects(t *testing.T) {
	cases := map[string]struct {
		facts  Facts
		scheme Scheme
		want   error
	}{
		"a shallow clone":              {Facts{Commit: commit, Shallow: true}, SemVer, ErrShallow},
		"a shallow clone, legacy":      {Facts{Commit: commit, Shallow: true}, Legacy, ErrShallow},
		"uncommitted changes":          {Facts{Commit: commit, Dirty: true}, SemVer, ErrDirty},
		"uncommitted changes at a tag": {Facts{Commit: commit, Tag: "1.0.0", Dirty: true}, SemVer, ErrDirty},
		"no commit":                    {Facts{}, SemVer, ErrBadCommit},
		"half a hash":                  {Facts{Commit: commit[:20]}, SemVer, ErrBadCommit},
		"a base that is no version":    {Facts{Commit: commit, BaseTag: "nightly"}, SemVer, ErrNotAVersion},
		"a tag of four numbers":        {Facts{Commit: commit, Tag: "1.2.3.4"}, SemVer, ErrNotAVersion},
		"a tag with build metadata":    {Facts{Commit: commit, Tag: "v1.1.0+up2"}, SemVer, ErrNotAVersion},
		"a tag with a capital V":       {Facts{Commit: commit, Tag: "V1.0.0"}, SemVer, ErrNotAVersion},
		"a date":                       {Facts{Commit: commit, Tag: "2024.01.05"}, SemVer, ErrNotAVersion},
		"an unknown scheme":            {Facts{Commit: commit}, "calver", ErrBadScheme},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got, err := Derive(c.facts, c.scheme); !errors.Is(err, c.want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestIsVersionTag(t *testing.T) {
	for tag, want := range map[string]bool{
		"1.2": true, "v1.2": true, "0.0.0": true, "v10.20.30": true, "1.0.0-rc.1": true, "1.0-alpha": true, "1.0.0--": true,
		"": false, "1": false, "v": false, "vv1.2": false, "1.2.3.4": false, "01.2": false, "1.02.3": false, "1.2.3-01": false, "1.2.3-": false, "1.2.3-a..b": false,
		"1.2.3+build": false, "1.2.3-a+b": false, "1.2.x": false, "V1.2": false, "1.2.3 ": false, "1.2\n": false, "release-1.2.3": false, "1.2.3-ü": false,
		"1.2.1234567890": false, "1.2.3-" + strings.Repeat("a", 130): false,
	} {
		if got := IsVersionTag(tag); got != want {
			t.Errorf("IsVersionTag(%q) = %t", tag, got)
		}
	}
}

// A development version that sorts below the release it follows is never deployed.
func TestDevelopmentVersionsSortAboveTheReleaseTheyFollow(t *testing.T) {
	// Each line of history follows the one above; a tag is built as itself too.
	history := []struct {
		tag     string
		commits int
	}{{"", 12}, {"0.9", 15}, {"v1.0.0-rc.1", 11}, {"v1.0.0-rc.2", 3}, {"1.0.0", 40}, {"1.0.1-rc1", 2}, {"1.0.1", 12}, {"v1.1", 10}, {"2.0.0-beta", 10}, {"2.0.0-beta.1", 10}, {"2.0.0", 11}}
	var versions []string
	n := 0
	build := func(f Facts) {
		n++
		f.Commit = fmt.Sprintf("%07d%033d", n*7919%10000000, 0) // hashes of digits, some with a leading zero
		v, err := Derive(f, SemVer)
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, v.Chart)
	}
	for _, h := range history {
		if h.tag != "" {
			build(Facts{Tag: h.tag})
		}
		for distance := 1; distance <= h.commits; distance++ {
			build(Facts{BaseTag: h.tag, Distance: distance})
		}
	}
	for i := 1; i < len(versions); i++ {
		if Compare(versions[i-1], versions[i]) >= 0 {
			t.Errorf("%s is not above %s, which it follows", versions[i], versions[i-1])
		}
	}
	// Helm's order, in an index that Helm writes, must be the same.
	index := repo.NewIndexFile()
	for i := range versions {
		v := versions[(i*37)%len(versions)] // in any order
		if err := index.MustAdd(&helm.Metadata{APIVersion: "v2", Name: "a", Version: v}, "a-"+v+".tgz", "", ""); err != nil {
			t.Fatal(err)
		}
	}
	index.SortEntries()
	for i, e := range index.Entries["a"] {
		if want := versions[len(versions)-1-i]; e.Version != want {
			t.Fatalf("Helm has %s where %s should be", e.Version, want)
		}
	}
	if got, err := index.Get("a", ""); err != nil || got.Version != "2.0.0" {
		t.Errorf("helm install without --devel takes %v, %v", got, err)
	}
}

func TestTheLegacySchemeSortsBelowTheReleaseItFollows(t *testing.T) {
	v, err := Derive(Facts{Commit: commit, BaseTag: "0.9", Distance: 1}, Legacy)
	if err != nil || Compare(v.Chart, "0.9") >= 0 {
		t.Errorf("%s, %v: update the documentation if that has changed", v.Chart, err)
	}
}

func TestHighest(t *testing.T) {
	for name, c := range map[string]struct {
		tags []string
		want string
	}{
		"a merged hotfix does not hide the release": {[]string{"1.0.1", "1.1.0", "1.0.0"}, "1.1.0"},
		"numbers, not letters":                      {[]string{"v1.9", "v1.10"}, "v1.10"},
		"a release is above its candidates":         {[]string{"1.0.0-rc.2", "1.0.0", "1.0.0-rc.10"}, "1.0.0"},
		"what is no version does not count":         {[]string{"zzz", "nightly", "9"}, ""},
		"none":                                      {nil, ""},
	} {
		if got := (Tags{}).Highest(c.tags); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		last string
		kind Bump
		want string
	}{
		"patch": {"1.2.3", Patch, "1.2.4"}, "minor": {"1.2.3", Minor, "1.3.0"}, "major": {"1.2.3", Major, "2.0.0"},
		"v stays": {"v1.2.3", Minor, "v1.3.0"}, "two numbers become three": {"0.9", Minor, "0.10.0"},
		"the first patch": {"", Patch, "0.0.1"}, "the first minor": {"", Minor, "0.1.0"}, "the first major": {"", Major, "1.0.0"},
		"a candidate becomes its release": {"1.0.0-rc.1", Patch, "1.0.0"}, "by minor too": {"1.1.0-rc.1", Minor, "1.1.0"}, "by major too": {"v2.0.0-rc.1", Major, "v2.0.0"},
		"a candidate of a smaller step": {"1.0.1-rc.1", Minor, "1.1.0"}, "of a much smaller": {"1.0.1-rc.1", Major, "2.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Tags{}.Next(c.last, c.kind)
			if err != nil || got != c.want || c.last != "" && Compare(got, c.last) <= 0 {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	if _, err := (Tags{}).Next("nightly", Patch); !errors.Is(err, ErrNotAVersion) {
		t.Errorf("got %v", err)
	}
	if _, err := (Tags{}).Next("1.0.0", "huge"); err == nil {
		t.Error("an unknown step passes")
	}
}

func TestFromConventionalCommits(t *testing.T) {
	for name, c := range map[string]struct {
		messages []string
		want     Bump
	}{
		"a fix":                          {[]string{"fix: a", "docs: b"}, Patch},
		"nothing conventional":           {[]string{"Make it work"}, Patch},
		"nothing":                        {nil, None},
		"documentation alone":            {[]string{"docs: a", "ci(lint): b", "chore(deps): c", "test: d", "Merge branch 'x'"}, None},
		"a fix among documentation":      {[]string{"docs: a", "fix: b", "docs: c"}, Patch},
		"a type of one's own":            {[]string{"docs: a", "perf: b"}, Patch},
		"documents are no documentation": {[]string{"documents: a"}, Patch},
		"a breaking chore":               {[]string{"chore!: a"}, Major},
		"a feature":                      {[]string{"fix: a", "feat(api): b", "fix: c"}, Minor},
		"an exclamation mark":            {[]string{"feat: a", "refactor(api)!: b"}, Major},
		"a footer":                       {[]string{"fix: a\n\nbody\n\nBREAKING CHANGE: b"}, Major},
		"a footer with a hyphen":         {[]string{"fix: a\n\nBREAKING-CHANGE: b"}, Major},
		"the words in the middle":        {[]string{"fix: this is no BREAKING CHANGE: really"}, Patch},
		"featuring is no feature":        {[]string{"featuring: a"}, Patch},
		"an exclamation in the sentence": {[]string{"Hooray!: it works (a bit)"}, Major},
	} {
		if got := FromConventionalCommits(c.messages); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestCompareIsAnOrder(t *testing.T) {
	order := []string{"", "nonsense", "0.9-dev64ed033", "0.9", "1.0.0-rc.1", "1.0.0"}
	if !slices.IsSortedFunc(order, Compare) {
		t.Error("not sorted")
	}
	slices.Reverse(order)
	slices.SortFunc(order, Compare)
	if order[0] != "" || order[5] != "1.0.0" {
		t.Errorf("sorted as %q", order)
	}
}

// FuzzDerive checks for any tags that the versions are valid chart versions and
// image tags, can be checked out by git, and are in order.
func FuzzDerive(f *testing.F) {
	for _, tag := range []string{"", "1.0", "v1.2.3", "1.0.0-rc.1", "1.0.0-0", "nightly", "1.2.3+b", "0.0.0-x-y.z", "999999999.0"} {
		f.Add(tag, "1.0.0", 3)
		f.Add("", tag, 0)
	}
	f.Fuzz(func(t *testing.T, tag, base string, distance int) {
		v, err := Derive(Facts{Commit: commit, Tag: tag, BaseTag: base, Distance: distance}, SemVer)
		if err != nil {
			if !errors.Is(err, ErrNotAVersion) || !(Tags{}).IsIntended(tag) && (IsVersionTag(base) || base == "") {
				t.Fatalf("%q %q: %v", tag, base, err)
			}
			return
		}
		if _, err := semver.StrictNewVersion(v.Chart); err != nil {
			t.Fatalf("%q: %v", v.Chart, err)
		}
		if strings.ContainsAny(v.ImageTag, "+/: ") || len(v.ImageTag) > 128 || v.Release && v.Prerelease {
			t.Fatalf("%+v", v)
		}
		if IsVersionTag(tag) {
			for _, kind := range []Bump{Major, Minor, Patch} {
				if next, err := (Tags{}).Next(tag, kind); err == nil && Compare(next, tag) <= 0 {
					t.Fatalf("the next %s after %s is %s", kind, tag, next)
				}
			}
			return
		}
		if base != "" && Compare(v.Chart, base) <= 0 {
			t.Fatalf("%s is not above %s", v.Chart, base)
		}
		if distance < 1<<40 && distance >= 0 {
			later, _ := Derive(Facts{Commit: strings.Repeat("f", 40), Tag: tag, BaseTag: base, Distance: distance + 1}, SemVer)
			if Compare(later.Chart, v.Chart) <= 0 {
				t.Fatalf("%s is not above %s", later.Chart, v.Chart)
			}
		}
	})
}
