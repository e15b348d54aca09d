package version

import (
	"fmt"
	"slices"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// History is what the version tags of a repository state about one commit. Each tag is in one of the lists.
type History struct {
	Tags Tags
	// Line is the line of releases that the commit belongs to. Releases of higher lines on other branches do not count for it.
	Line Line
	// At are the tags of the commit, Before those of earlier commits of its history.
	At, Before []string
	// After are the tags of later commits, whose history has the commit.
	After []string
	// Beside are the tags of commits on other branches.
	Beside []string
}

// Included is the highest version in the history of the commit, "" if there is none.
func (h History) Included() string { return h.Tags.Highest(slices.Concat(h.At, h.Before)) }

// Base is the highest version that a development build of the commit must sort above, "" if there is none: one in the commit's history,
// or one on another branch, such as a release branch. Those of later commits do not count, so that an old commit gets its version again.
// Distance must be the number of commits that this version does not have. Both together only grow from commit to commit.
func (h History) Base() string {
	return h.Tags.Highest(append(h.upToLine(h.Beside), h.Included()))
}

func (h History) upToLine(tags []string) (list []string) {
	for _, tag := range tags {
		if t, ok := h.Tags.parse(tag); ok && h.Line.compare(t) <= 0 {
			list = append(list, tag)
		}
	}
	return list
}

// Next is the tag of the commit's next release: of this kind, or, when that is "", of the one that the messages of its commits since
// Base imply. It is "" when they imply none. Its error, a failure.ErrInput, states which other command leads to a release.
func (h History) Next(kind Bump, messages []string) (string, error) {
	if err := h.releasable(h.upToLine(h.After)); err != nil {
		return "", err
	}
	base := h.Base()
	last, _ := h.Tags.parse(base)
	explicit := kind != ""
	if !explicit {
		if kind = implied(last, messages); kind == None {
			return "", nil
		}
	}
	from := base
	if base != "" && base != h.Included() {
		// The numbers of that line belong to its branch.
		if h.Line.numbers == 2 && h.Line.compare(last) == 0 {
			return "", fmt.Errorf("%w: this commit lacks the changes of %s, the last release of line %s; merge it first", failure.ErrInput, base, h.Line)
		}
		if explicit && kind == Patch {
			return "", fmt.Errorf("%w: this commit lacks the changes of %s, the last release, so it is no patch of it; release it from its branch, or run `chart-promoter release minor` here", failure.ErrInput, base)
		}
		if kind == Patch {
			kind = Minor
		}
		last.pre = ""
		from = last.prefix + last.String()
	}
	next, err := h.Tags.Next(from, kind)
	if err != nil {
		return "", err
	}
	return h.inLine(base, next, kind, explicit)
}

// implied is the kind that the messages imply. A prerelease is followed by its release whatever they are, and so is no release at all by
// the first. Before 1.0.0 a breaking change is a minor release, as a feature is: that the program is stable is a decision of people.
func implied(last parsedTag, messages []string) Bump {
	kind := FromConventionalCommits(messages)
	switch {
	case kind == None && (last.pre != "" || last == parsedTag{}):
		return Patch
	case kind == Major && last.major == 0:
		return Minor
	}
	return kind
}

// inLine returns the next release if the line of the commit has it. The first release of a line has no number of its own to raise.
func (h History) inLine(base, next string, kind Bump, explicit bool) (string, error) {
	t, ok := h.Tags.parse(next)
	where := h.Line.compare(t)
	switch {
	case !ok:
		return "", fmt.Errorf("%q: %w", next, ErrNotAVersion)
	case where == 0:
		return next, nil
	case where > 0:
		return "", fmt.Errorf("%w: the next %s release after %s is %s, which is not in line %s of this branch; release it from another branch, or run `chart-promoter release patch`", failure.ErrInput, kind, base, next, h.Line)
	}
	first := h.Tags.first(h.Line, t.prefix)
	if explicit && first != next {
		return "", fmt.Errorf("%w: the first release of line %s of this branch is %s, not %s; run `chart-promoter release` without an argument", failure.ErrInput, h.Line, first, next)
	}
	return first, nil
}

func (s Tags) first(l Line, prefix string) string {
	return prefix + parsedTag{major: l.major, minor: l.minor}.String()
}

// releasable rejects a commit that is released already, and one of which a later commit is released.
func (h History) releasable(after []string) error {
	if release := h.Tags.HighestRelease(h.At); release != "" {
		return fmt.Errorf("%w: this commit already has the tag %s; if the tag was never pushed, push it (git push origin %s)", failure.ErrInput, release, release)
	}
	if highest := h.Tags.Highest(after); highest != "" {
		return fmt.Errorf("%w: %s is the version of a later commit; release that commit or a newer one, or an older line from a branch that is named for it (%s)", failure.ErrInput, highest, h.branchFor(h.Included()))
	}
	return nil
}

// branchFor is the name of a branch for fixes of a version.
func (h History) branchFor(tag string) string {
	t, _ := h.Tags.parse(tag)
	return "release-" + minorLine(t).String()
}

// CheckVersion rejects a tag that is no version. Its error is a failure.ErrInput.
func (s Tags) CheckVersion(tag string) error {
	if s.IsVersion(tag) {
		return nil
	}
	return fmt.Errorf("%w: %q is no version: %s", failure.ErrInput, tag, s.Reason(tag))
}

// Check rejects a tag that cannot be the version of the commit: one that is no version, exists already, is not above the versions that it
// contains, lacks the changes of the one before it, or is below one that is released, unless the commit belongs to that line. All errors
// are a failure.ErrInput.
func (h History) Check(tag string) error {
	if err := h.Tags.CheckVersion(tag); err != nil {
		return err
	}
	t, _ := h.Tags.parse(tag)
	all := slices.Concat(h.At, h.Before, h.After, h.Beside)
	same := func(other string) bool { return h.Tags.Compare(other, tag) == 0 }
	if i := slices.IndexFunc(slices.Concat(h.Before, h.After, h.Beside), same); i >= 0 {
		return fmt.Errorf("%w: another commit has the version %s already; choose a higher one", failure.ErrInput, tag)
	}
	later := slices.DeleteFunc(slices.Clone(h.After), func(other string) bool { return h.Tags.Compare(other, tag) > 0 && h.Line.numbers > 0 })
	if err := h.releasable(later); err != nil {
		return err
	}
	if in := h.Included(); in != "" && h.Tags.Compare(tag, in) <= 0 {
		return fmt.Errorf("%w: %s does not follow %s, which this commit has already; choose a higher version", failure.ErrInput, tag, in)
	}
	if highest := h.Tags.Highest(all); highest != "" && h.Tags.Compare(tag, highest) < 0 && (h.Line.numbers == 0 || h.Line.compare(t) != 0) {
		return fmt.Errorf("%w: %s is below %s, which exists already; choose a higher version, or release it from a branch that is named for its line (release-%s)", failure.ErrInput, tag, highest, minorLine(t))
	}
	return h.checkPredecessor(tag, minorLine(t), all)
}

// checkPredecessor rejects a version that would not contain the last one of its own line.
func (h History) checkPredecessor(tag string, own Line, all []string) error {
	last := h.Tags.Highest(slices.DeleteFunc(slices.Clone(all), func(other string) bool {
		o, ok := h.Tags.parse(other)
		return !ok || own.compare(o) != 0
	}))
	switch {
	case last == "" || slices.Contains(h.At, last) || slices.Contains(h.Before, last):
		return nil
	case h.Tags.Compare(tag, last) < 0:
		return fmt.Errorf("%w: %s is below %s, which exists already; choose a higher version", failure.ErrInput, tag, last)
	}
	return fmt.Errorf("%w: %s would follow %s, but this commit lacks its changes; merge it, or choose a version of a higher line", failure.ErrInput, tag, last)
}
