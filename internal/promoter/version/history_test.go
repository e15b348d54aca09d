package version

import (
	"errors"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

func list(s string) []string { return strings.Fields(s) }

func line(t *testing.T, text string) Line {
	t.Helper()
	l, err := ParseLine(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTheBaseIsTheHighestVersionThatTheCommitDoesNotPrecede(t *testing.T) {
	for name, c := range map[string]struct {
		line, before, after, beside, want string
	}{
		"a release in its history":                       {"", "v0.1.0 v0.2.0", "", "", "v0.2.0"},
		"a release of another branch":                    {"", "v0.1.0", "", "v0.2.0 v0.2.1", "v0.2.1"},
		"a later commit is released":                     {"", "v0.1.0", "v0.2.0 v0.2.1", "", "v0.1.0"},
		"a later commit is released, and another branch": {"", "v0.1.0", "v0.3.0", "v0.2.1", "v0.2.1"},
		"a release branch while main proceeds":           {"0.1", "v0.1.0 v0.1.1", "", "v0.2.0 v1.0.0", "v0.1.1"},
		"a release branch that lacks a fix":              {"0.1", "v0.1.0", "", "v0.1.1 v0.2.0", "v0.1.1"},
		"a release branch before its first release":      {"0.2", "v0.1.0", "", "v0.1.5 v0.3.0", "v0.1.5"},
		"a release branch of all 1.x":                    {"1", "v1.0.0", "", "v1.4.0 v2.0.0-rc.1", "v1.4.0"},
		"a higher release was merged":                    {"0.1", "v0.1.0 v0.2.0", "", "", "v0.2.0"},
		"nothing is released":                            {"", "", "", "", ""},
		"only later commits are released":                {"", "", "v1.0.0", "", ""},
	} {
		h := History{Line: line(t, c.line), Before: list(c.before), After: list(c.after), Beside: list(c.beside)}
		if got := h.Base(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestNextRelease(t *testing.T) {
	for name, c := range map[string]struct {
		line, at, before, after, beside string
		kind                            Bump
		messages                        []string
		want                            string // a tag, "" for nothing, or the beginning of an error after "!"
	}{
		"minor on main, releases on a branch":      {before: "v0.1.0", beside: "v0.2.0 v0.2.1", kind: Minor, want: "v0.3.0"},
		"major on main, releases on a branch":      {before: "v0.1.0", beside: "v0.2.0 v0.2.1", kind: Major, want: "v1.0.0"},
		"patch on main, releases on a branch":      {before: "v0.1.0", beside: "v0.2.0 v0.2.1", kind: Patch, want: "!this commit lacks the changes of v0.2.1"},
		"a fix on main, releases on a branch":      {before: "v0.1.0", beside: "v0.2.0 v0.2.1", messages: []string{"fix: a"}, want: "v0.3.0"},
		"minor on main beside a candidate":         {before: "v0.1.0", beside: "v0.2.0-rc.1", kind: Minor, want: "v0.3.0"},
		"only documentation on main":               {before: "v0.1.0", beside: "v0.2.0", messages: []string{"docs: a"}, want: ""},
		"patch on a release branch":                {line: "0.2", before: "v0.2.1", beside: "v0.3.0", kind: Patch, want: "v0.2.2"},
		"minor on a release branch":                {line: "0.2", before: "v0.2.1", beside: "v0.3.0", kind: Minor, want: "!the next minor release after v0.2.1 is v0.3.0, which is not in line 0.2"},
		"a feature on a release branch":            {line: "0.2", before: "v0.2.1", messages: []string{"feat: a"}, want: "!the next minor release after v0.2.1"},
		"minor on a branch of 1.x":                 {line: "1", before: "v1.2.1", beside: "v2.0.0", kind: Minor, want: "v1.3.0"},
		"major on a branch of 1.x":                 {line: "1", before: "v1.2.1", kind: Major, want: "!the next major release after v1.2.1 is v2.0.0"},
		"the first of a release branch":            {line: "0.2", before: "v0.1.0", beside: "v0.1.5", messages: []string{"fix: a"}, want: "v0.2.0"},
		"the first of a distant line":              {line: "2", before: "v0.1.0", messages: []string{"fix: a"}, want: "v2.0.0"},
		"patch before the first of a branch":       {line: "0.2", before: "v0.1.0", kind: Patch, want: "!the first release of line 0.2 of this branch is v0.2.0"},
		"a branch that lacks a fix of its line":    {line: "0.2", before: "v0.2.0", beside: "v0.2.1", kind: Patch, want: "!this commit lacks the changes of v0.2.1"},
		"a later commit is released":               {before: "v1.0.0", after: "v1.0.1", kind: Minor, want: "!v1.0.1 is the version of a later commit"},
		"a later commit of a higher line":          {line: "1.0", before: "v1.0.0", after: "v1.1.0", kind: Patch, want: "v1.0.1"},
		"a candidate of this commit":               {at: "v1.1.0-rc.1", before: "v1.0.0", want: "v1.1.0"},
		"a candidate of this commit, by minor":     {at: "v1.1.0-rc.1", before: "v1.0.0", kind: Minor, want: "v1.1.0"},
		"a candidate and documentation":            {before: "v1.0.0 v1.1.0-rc.1", messages: []string{"docs: a"}, want: "v1.1.0"},
		"a release of this commit":                 {at: "v1.1.0-rc.1 v1.1.0", kind: Patch, want: "!this commit already has the tag v1.1.0"},
		"nothing but documentation":                {before: "v0.4.0", messages: []string{"docs: a", "ci: b", "chore(deps): c"}, want: ""},
		"nothing but documentation, on purpose":    {before: "v0.4.0", messages: []string{"docs: a"}, kind: Patch, want: "v0.4.1"},
		"a breaking change before 1.0":             {before: "v0.4.0", messages: []string{"feat!: a"}, want: "v0.5.0"},
		"a breaking change before 1.0, as a major": {before: "v0.4.0", messages: []string{"feat!: a"}, kind: Major, want: "v1.0.0"},
		"a breaking change":                        {before: "v1.4.0", messages: []string{"feat!: a"}, want: "v2.0.0"},
		"the first":                                {messages: []string{"chore: a"}, want: "0.0.1"},
		"a breaking change before the first":       {messages: []string{"feat!: a"}, want: "0.1.0"},
	} {
		t.Run(name, func(t *testing.T) {
			h := History{Line: line(t, c.line), At: list(c.at), Before: list(c.before), After: list(c.after), Beside: list(c.beside)}
			got, err := h.Next(c.kind, c.messages)
			if why, fails := strings.CutPrefix(c.want, "!"); fails {
				if !errors.Is(err, failure.ErrInput) || !strings.HasPrefix(err.Error(), "invalid input: "+why) {
					t.Errorf("got %q, %v", got, err)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %q, %v", got, err)
			}
			if got != "" && h.Check(got) != nil {
				t.Errorf("the next is %s, but %v", got, h.Check(got))
			}
		})
	}
}

func TestCheckOfAChosenVersion(t *testing.T) {
	for name, c := range map[string]struct{ line, at, before, after, beside, tag, want string }{
		"a higher one":                       {before: "v1.0.0", tag: "v1.5.0"},
		"a prerelease":                       {before: "v1.0.0", tag: "v1.1.0-rc.1"},
		"the release of a candidate":         {at: "v1.1.0-rc.1", before: "v1.0.0", tag: "v1.1.0"},
		"the second candidate of a commit":   {at: "v1.1.0-rc.1", before: "v1.0.0", tag: "v1.1.0-rc.2"},
		"the same candidate again":           {at: "v1.1.0-rc.1", before: "v1.0.0", tag: "v1.1.0-rc.1", want: "does not follow v1.1.0-rc.1"},
		"a released commit":                  {at: "v1.1.0", tag: "v1.2.0", want: "already has the tag v1.1.0"},
		"a version of another commit":        {before: "v1.0.0", beside: "v1.1.0", tag: "v1.1.0", want: "another commit has the version"},
		"the same version without v":         {before: "v1.0.0", beside: "v1.1.0", tag: "1.1.0", want: "another commit has the version"},
		"below one that is out":              {before: "v0.1.0", beside: "v0.2.1", tag: "v0.1.1", want: "v0.1.1 is below v0.2.1"},
		"below one that is out, on its line": {line: "0.1", before: "v0.1.0", beside: "v0.2.1", tag: "v0.1.1"},
		"below one of a later commit":        {before: "v0.1.0", after: "v0.2.0", tag: "v0.1.1", want: "v0.2.0 is the version of a later commit"},
		"an old line from an old commit":     {line: "0.1", before: "v0.1.0", after: "v0.2.0", tag: "v0.1.1"},
		"above a later commit":               {before: "v0.1.0", after: "v0.2.0", tag: "v0.3.0", want: "v0.2.0 is the version of a later commit"},
		"a line of another branch":           {line: "0.1", before: "v0.1.0", beside: "v0.2.0 v0.3.0", tag: "v0.2.1", want: "v0.2.1 is below v0.3.0"},
		"above all from a release branch":    {line: "0.1", before: "v0.1.0", tag: "v0.2.0"},
		"a fix without the fix before it":    {before: "v0.1.0", beside: "v0.2.1", tag: "v0.2.2", want: "lacks its changes"},
		"a candidate after its release":      {line: "0.2", before: "v0.1.0", beside: "v0.2.0", tag: "v0.2.0-rc.9", want: "is below v0.2.0"},
		"below its own history":              {before: "v1.0.0", tag: "v0.9.0", want: "does not follow v1.0.0"},
		"build metadata":                     {before: "v1.0.0", tag: "v1.1.0+up2.3.4", want: "build metadata"},
		"a word":                             {tag: "next", want: "use X.Y.Z"},
	} {
		t.Run(name, func(t *testing.T) {
			h := History{Line: line(t, c.line), At: list(c.at), Before: list(c.before), After: list(c.after), Beside: list(c.beside)}
			err := h.Check(c.tag)
			if (err == nil) != (c.want == "") || err != nil && (!errors.Is(err, failure.ErrInput) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestLineOfBranch(t *testing.T) {
	for branch, want := range map[string]string{
		"release-1.2": "1.2", "release/v1.2": "1.2", "release-v1.2.x": "1.2", "releases/1.2": "1.2", "stable-1.2": "1.2", "stable/1.2.x": "1.2", "release-branch.1.2": "1.2",
		"1.2.x": "1.2", "1.2": "1.2", "v1.2": "1.2", "release/1.2.3": "1.2", "hotfix-1.2.3": "1.2", "1.x": "1", "v1": "1", "v1.x": "1", "release-1": "1",
		"app-1.2.x": "1.2", "release-app-1.2": "1.2", "app-release-1.2": "1.2", "release/app-v1": "1",
		"main": "", "master": "", "fix-12": "", "2026": "", "feature/1.2-parser": "", "release": "", "release-next": "", "api-1.2": "", "12/merge": "", "1.02": "", "": "", "HEAD": "",
	} {
		if got := (Tags{Prefix: "app-"}).LineOfBranch(branch).String(); got != want {
			t.Errorf("%s: %q, want %q", branch, got, want)
		}
	}
	for _, text := range []string{"main", "1.2-rc", "x", "1.2.3.4", "-1"} {
		if _, err := ParseLine(text); !errors.Is(err, ErrNotALine) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestReasonStatesWhatToDo(t *testing.T) {
	for tag, want := range map[string]string{
		"v1.1.0+up2.3.4": "build metadata", "V1.0.0": "small letter", "1.2.3.4": "more than three numbers", "2024.01.05": "leading zero",
		"release-1.2.3": "set version.tagPrefix to release- ", "app-v1.2.3": "set version.tagPrefix to app- ", "app/v1.2.3": "set version.tagPrefix to app/ ", "helm-v2.1.0": "tagPrefix to helm- ",
		"nightly": "use X.Y.Z", "v1.2.3-01": "use X.Y.Z",
	} {
		if got := (Tags{}).Reason(tag); !strings.Contains(got, want) {
			t.Errorf("%s: %s", tag, got)
		}
	}
	if got := (Tags{Prefix: "app-"}).Reason("1.2.3"); !strings.Contains(got, "begin with app-") {
		t.Error(got)
	}
}

// FuzzNext checks for any tags that no release is computed that Check does not accept.
func FuzzNext(f *testing.F) {
	f.Add("0.2", "", "v0.1.0", "", "v0.2.1", "patch")
	f.Add("", "1.0.0-rc.1", "0.9", "", "", "")
	f.Add("1", "", "1.0", "2.0.0", "1.5.0-0", "minor")
	f.Fuzz(func(t *testing.T, on, at, before, after, beside, kind string) {
		l, err := ParseLine(on)
		if err != nil {
			return
		}
		h := History{Line: l}
		h.At, h.Before, h.After, h.Beside = h.Tags.Versions(list(at)), h.Tags.Versions(list(before)), h.Tags.Versions(list(after)), h.Tags.Versions(list(beside))
		next, err := h.Next(Bump(kind), []string{"fix: a"})
		if err != nil || next == "" {
			return
		}
		if base := h.Base(); base != "" && Compare(next, base) <= 0 {
			t.Fatalf("%s does not follow %s", next, base)
		}
	})
}

// FuzzLineOfBranch checks that a line that is read from the name of any branch is one that the configuration can name.
func FuzzLineOfBranch(f *testing.F) {
	f.Add("release-1.2", "")
	f.Add("app/v1.x", "app/")
	f.Fuzz(func(t *testing.T, branch, prefix string) {
		l := Tags{Prefix: prefix}.LineOfBranch(branch)
		if again, err := ParseLine(l.String()); err != nil || again != l {
			t.Fatalf("%q is of line %q, which is read as %+v, %v", branch, l, again, err)
		}
	})
}
