package candidate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
)

// Superseded is the error of a development build whose commit is older than the one of a candidate that exists.
type Superseded struct {
	// Commit is the source commit of the newer candidate, Version its version.
	Commit, Version string
}

func (s *Superseded) Error() string {
	return fmt.Sprintf("the candidates' repository already has %s, built from the newer commit %.7s", s.Version, s.Commit)
}

// Kind is Internal, as callers take it for a skip.
func (s *Superseded) Kind() failure.Kind { return failure.Internal }

// orderDepth is how many commits of the candidates' repository are compared: builds that overtake each other are close together.
const orderDepth = 50

// checkOrder returns a Superseded if a recent candidate was built from a later commit of the same history: builds end in any order. A
// release is a candidate nevertheless, since it could not be promoted otherwise.
func (r Repository) checkOrder(ctx context.Context, dir string, u Update) error {
	if u.Version.Release || u.Version.Prerelease {
		return nil
	}
	newer, err := r.newerCandidate(ctx, dir, u.Version.Commit)
	if err != nil || newer == nil {
		return err
	}
	if !u.AllowOlder {
		return newer
	}
	report.Linef(r.Report, "%s; the older commit %.7s replaces it, as requested", newer, u.Version.Commit)
	return nil
}

func (r Repository) newerCandidate(ctx context.Context, dir, commit string) (*Superseded, error) {
	recent, err := r.recent(ctx, dir)
	if err != nil || len(recent) == 0 || recent[0].Commit == commit {
		return nil, err
	}
	source, err := gitrepo.Open(ctx, r.Source, r.Git)
	if err != nil {
		return nil, err
	}
	if err := fetchSources(ctx, source, recent); err != nil {
		return nil, err
	}
	for _, c := range recent {
		in, err := source.IsAncestor(ctx, commit, c.Commit)
		switch {
		case errors.Is(err, gitrepo.ErrNoRef): // on no branch any more, so not newer
		case err != nil:
			return nil, err
		case in && c.Commit != commit:
			return &c, nil
		}
	}
	return nil, nil
}

// recent are the last candidates of this pipeline, newest first.
func (r Repository) recent(ctx context.Context, dir string) (list []Superseded, err error) {
	candidates, err := gitrepo.Open(ctx, dir, r.Git.For(r.settings().Git))
	if err != nil {
		return nil, err
	}
	if _, err := candidates.Head(ctx); errors.Is(err, gitrepo.ErrNoRef) {
		return nil, nil
	}
	log, err := candidates.Log(ctx, "HEAD", orderDepth)
	if err != nil {
		return nil, err
	}
	// A commit that did not change the file has that of an earlier candidate.
	files, err := candidates.FileVersions(ctx, "HEAD", orderDepth, r.trailersPath())
	if err != nil {
		return nil, err
	}
	for _, e := range log {
		version, ok := strings.CutPrefix(e.Subject, subject(r.Config.Label(), ""))
		from := SourceCommit(e.Body)
		if lines := string(files[e.Hash]); lines != "" && r.isOfChart(lines) {
			ok, from, version = true, SourceCommit(lines), trailer(lines, versionLine)
		}
		if ok && from != "" && !slices.ContainsFunc(list, func(s Superseded) bool { return s.Commit == from }) {
			list = append(list, Superseded{Commit: from, Version: version})
		}
	}
	return list, nil
}

// fetchSources fetches the branches of the source repository if it lacks the commit of a candidate: the clone of a build is as old as the
// build.
func fetchSources(ctx context.Context, source *gitrepo.Repo, recent []Superseded) error {
	for _, c := range recent {
		if _, err := source.Resolve(ctx, c.Commit); err == nil {
			continue
		}
		if source.Origin(ctx) == "" {
			return nil
		}
		if _, err := source.RemoteHeads(ctx); err != nil {
			return fmt.Errorf("the candidate %s was built from commit %.7s, which this clone lacks, so that it may be newer: %w", c.Version, c.Commit, err)
		}
		return nil
	}
	return nil
}
