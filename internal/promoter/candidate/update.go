package candidate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/dependency"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// Update is the next candidate.
type Update struct {
	// Version is the version of the source commit, Tag the tag that it was built for, if any, Run the address of the CI run.
	Version  version.Version
	Tag, Run string
	// Images are the images of the version, in the order of the configuration; none when no stage builds.
	Images []Image
	// Files is the reference by digest of the other files of the build, "" when there are none.
	Files string
	// ChartDir is the chart of the source commit; "" when the chart lives in the candidates' repository.
	ChartDir string
	// Changes is the text of the value changes.
	Changes string
	// AllowOlder replaces the candidate of a newer commit.
	AllowOlder bool
	// Source is the directory of the source commit that ChartDir is in.
	Source dependency.Source
	// DryRun computes the difference and commits nothing.
	DryRun bool
}

// Image is an image that a candidate names.
type Image struct{ Repository, Tag, Digest string }

// Ref is the whole name of the image.
func (i Image) Ref() string { return image.Reference(i.Repository, i.Tag, i.Digest) }

// Updated is the commit of a candidate.
type Updated struct {
	Commit string
	// Changed is false when the repository was at this version already.
	Changed bool
	// Diff is set by a dry run: what would be committed.
	Diff string
	// Proposal is the branch of the candidate where candidates go through pull requests, nil where they are pushed.
	Proposal *gitrepo.Proposal
}

// Update brings the repository to a version: the chart's files as they are in the source commit, and the fields that a candidate sets.
// If another commit is pushed meanwhile, it starts again on that commit. Errors: *Superseded, those of gitrepo.
func (r Repository) Update(ctx context.Context, u Update) (Updated, error) {
	var res Updated
	var built map[string][]byte
	var err error
	if u.ChartDir != "" {
		if built, err = r.Dependencies.Build(ctx, u.ChartDir, u.Source); err != nil {
			return res, err
		}
	}
	edit := func(dir string) (string, bool, error) {
		if err := r.checkOrder(ctx, dir, u); err != nil {
			return "", false, err
		}
		if err := r.write(ctx, dir, u, built); err != nil {
			return "", false, explainEscape(dir, err)
		}
		if u.DryRun {
			repo, err := gitrepo.Open(ctx, dir, r.Git)
			if err != nil {
				return "", false, err
			}
			if res.Diff, err = repo.Diff(ctx); err != nil {
				return "", false, err
			}
		}
		return message(r.Config, u), true, nil
	}
	c := r.settings()
	o := gitrepo.UpdateOptions{Options: r.Git, Depth: orderDepth, History: c.Path == ".", DryRun: u.DryRun, Sparse: r.paths()}
	if c.PullRequest != nil {
		o.Stop = func(err error) bool { return errors.As(err, new(*Superseded)) }
		p, err := gitrepo.Propose(ctx, c.Git, c.Branch, r.proposedBranch(), edit, o)
		res.Commit, res.Changed, res.Proposal = p.Commit, p.Pushed, &p
		return res, err
	}
	res.Commit, res.Changed, err = gitrepo.Update(ctx, c.Git, c.Branch, edit, o)
	return res, err
}

// write writes the candidate into a clone of the repository, with the dependencies that were built for it.
func (r Repository) write(ctx context.Context, dir string, u Update, built map[string][]byte) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	path := r.settings().Path
	before := r.beforeWrite(root, path)
	if u.ChartDir != "" {
		if err := r.removeDeleted(ctx, dir, u.ChartDir, root); err != nil {
			return err
		}
		if err := syncChart(u.ChartDir, u.Source.Top, root, path); err != nil {
			return err
		}
	}
	if err := writeBuilt(root, path, built); err != nil {
		return err
	}
	fields, err := r.fieldsIn(root, path)
	if err != nil {
		return err
	}
	set := r.values(u)
	if err := setFields(root, path, fields, set); err != nil {
		return err
	}
	if len(r.Config.Chart.After) > 0 {
		if err := r.runAfter(ctx, root, path, func(copied *os.Root) error { return setFields(copied, ".", fields, set) }); err != nil {
			return err
		}
	}
	if err := r.check(ctx, dir); err != nil {
		return err
	}
	if err := before.check(ctx, dir, root, path); err != nil {
		return err
	}
	return r.writeTrailers(ctx, dir, root, u)
}

// sourceCommit is the trailer of the commit that a candidate was built from.
const sourceCommit = "Source-Commit"

// filesTrailer is the trailer of the reference of the other files of the build.
const filesTrailer = "Files"

// subject is the first line of the message of a candidate's commit.
func subject(name, version string) string { return "Candidate " + name + " " + version }

func message(c *config.Config, u Update) string {
	m := fmt.Sprintf("%s\n\n%s: %s\n", subject(c.Label(), u.Version.Chart), sourceCommit, u.Version.Commit)
	if c.Chart.Name != "" {
		m += chartTrailer + ": " + c.Chart.Name + "\n"
	}
	if u.Tag != "" {
		m += "Source-Tag: " + u.Tag + "\n"
	}
	for _, img := range u.Images {
		m += "Image: " + img.Ref() + "\n"
	}
	if u.Files != "" {
		m += filesTrailer + ": " + u.Files + "\n"
	}
	if u.Run != "" {
		m += "Run: " + u.Run + "\n"
	}
	return m
}

// SourceCommit is the commit that a candidate was built from, by the body of its message; "" if the message has none.
func SourceCommit(body string) string { return trailer(body, sourceCommit) }

func trailer(body, name string) string {
	for _, l := range strings.Split(body, "\n") {
		if v, ok := strings.CutPrefix(l, name+": "); ok {
			return strings.TrimSpace(v) // a message that was edited in a browser has other line ends
		}
	}
	return ""
}
