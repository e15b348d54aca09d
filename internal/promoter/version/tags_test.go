package version

import (
	"strings"
	"testing"
)

func TestAPrefixIsNoPartOfAVersion(t *testing.T) {
	for name, c := range map[string]struct {
		prefix, tag string
		want        Version
	}{
		"a release":            {"app-", "app-1.2.3", Version{ImageTag: "1.2.3", Chart: "1.2.3", App: "1.2.3", Release: true}},
		"a prerelease":         {"app-", "app-v1.2-rc.1", Version{ImageTag: "v1.2-rc.1", Chart: "1.2.0-rc.1", App: "v1.2-rc.1", Prerelease: true}},
		"a folder of tags":     {"app/", "app/v1.2.3", Version{ImageTag: "v1.2.3", Chart: "1.2.3", App: "v1.2.3", Release: true}},
		"the tag of a package": {"@team/app@", "@team/app@1.0.0", Version{ImageTag: "1.0.0", Chart: "1.0.0", App: "1.0.0", Release: true}},
		"another prefix":       {"app-", "api-1.2.3", Version{ImageTag: "0123456", Chart: "1.0.1-dev.2.g0123456", App: "0123456"}},
		"no prefix":            {"app-", "1.2.3", Version{ImageTag: "0123456", Chart: "1.0.1-dev.2.g0123456", App: "0123456"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Commit = commit
			tags := Tags{Prefix: c.prefix}
			got, err := Derive(Facts{Tags: tags, Commit: commit, Tag: c.tag, BaseTag: c.prefix + "1.0.0", Distance: 2}, SemVer)
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
			if tags.IsVersion(c.tag) && tags.Tag(got.App) != c.tag {
				t.Errorf("the tag of %s is %s", got.App, tags.Tag(got.App))
			}
		})
	}
	got, err := Derive(Facts{Tags: Tags{Prefix: "app-"}, Commit: commit, BaseTag: "app-0.9"}, Legacy)
	if err != nil || got.Chart != "0.9-dev0123456" {
		t.Errorf("legacy: %+v, %v", got, err)
	}
}

func TestOnlyTagsWithThePrefixAreVersions(t *testing.T) {
	all := []string{"app-1.2.3", "app-v1.10.0", "app-1.11.0-rc.1", "api-9.0.0", "app-9", "9.0.0", "application-9.0.0", "my-app-9.0.0"}
	app := Tags{Prefix: "app-"}
	if got := app.Highest(all); got != "app-1.11.0-rc.1" {
		t.Errorf("the highest version is %s", got)
	}
	if got := app.HighestRelease(all); got != "app-v1.10.0" {
		t.Errorf("the highest release is %s", got)
	}
	if got := (Tags{}).Highest(all); got != "9.0.0" {
		t.Errorf("without a prefix the highest version is %s", got)
	}
	if got, err := app.Next("app-v1.10.0", Minor); err != nil || got != "app-v1.11.0" {
		t.Errorf("the next is %s, %v", got, err)
	}
	if got, err := app.Next("", Minor); err != nil || got != "app-0.1.0" {
		t.Errorf("the first is %s, %v", got, err)
	}
	if (Tags{Prefix: "app-v"}).IsVersion("app-vv1.2.3") {
		t.Error("a prefix that ends in v is followed by another v")
	}
}

func TestCheckPrefix(t *testing.T) {
	for prefix, ok := range map[string]bool{
		"": true, "app-": true, "app/": true, "app/v": true, "release-": true, "@team/app@": true, "a": true, "a.b_c-": true,
		"-": false, "/app/": false, "app//": false, "app..": false, "app.": false, "app-1": false, "app -": false, "a*": false, "a~": false, "a^": false, "a:": false, "a\n": false, "./a": false,
		"a/.b": false, "ü-": false, strings.Repeat("a", 65): false,
	} {
		if err := CheckPrefix(prefix); (err == nil) != ok {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}

// FuzzTags checks that a version with any valid prefix is the version that it is without one.
func FuzzTags(f *testing.F) {
	f.Add("app-", "1.2.3")
	f.Add("app/v", "1.2-rc.1")
	f.Add("a@", "v1.2.3")
	f.Fuzz(func(t *testing.T, prefix, name string) {
		tags := Tags{Prefix: prefix}
		if CheckPrefix(prefix) != nil || !tags.IsVersion(tags.Tag(name)) {
			return
		}
		if tags.Name(tags.Tag(name)) != name || !IsVersionTag(name) {
			t.Fatalf("%q is a version with the prefix %q only", name, prefix)
		}
		if tags.Compare(tags.Tag(name), tags.Tag("v"+name)) != Compare(name, "v"+name) {
			t.Fatalf("the prefix %q changes the order", prefix)
		}
	})
}
