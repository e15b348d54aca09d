package step

import (
	"context"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testenv"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testrun"
)

// action is what is done with a release in the cluster.
type action string

const (
	installs   action = "install"
	upgrades   action = "upgrade to"
	rollsBack  action = "roll back to"
	runsTests  action = "test"
	startsOver action = "uninstall"
)

// move is one step in the life of a release before the tests: an action with a package, by one major of Helm.
type move struct {
	with helm.Major
	action
	// previous is a move with the previous version's package, not with the candidate's.
	previous bool
}

// lifecycle are the moves that a candidate is tested with, the oldest major first; the last one leaves the candidate, installed by the
// newest. Each major begins with nothing, and a newer one first upgrades the release that the older one has left: a release stays when
// its users change the client. There is no upgrade without a previous version: one to the same version would test nothing.
func lifecycle(majors []helm.Major, previous, rollback bool) []move {
	var moves []move
	for i, m := range majors {
		last := i == len(majors)-1
		if i > 0 {
			moves = append(moves, move{m, upgrades, false}, move{with: m, action: startsOver})
		}
		moves = append(moves, move{m, installs, previous})
		if previous {
			moves = append(moves, move{m, upgrades, false})
		}
		if !last {
			moves = append(moves, move{m, runsTests, false})
		}
		if previous && rollback {
			moves = append(moves, move{m, rollsBack, true})
			if last {
				moves = append(moves, move{m, upgrades, false})
			}
		}
	}
	return moves
}

// trial is a candidate in an open environment.
type trial struct {
	*Project
	env     *testenv.Environment
	release cluster.Release
	c       *candidate.Candidate
	old     *previous // nil if there is none
	source  *preparation
}

// live makes the moves, and ends with the first that fails, or when the preparation of the tests has. The report has the chart's own tests,
// by the major that ran them; it is nil if something else fails.
func (t trial) live(ctx context.Context, moves []move) (*testrun.Report, error) {
	all := &testrun.Report{}
	for _, m := range moves {
		if err := t.source.failed(); err != nil {
			return nil, err
		}
		report, err := t.make(ctx, m)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		all.Add(m.with.String(), report)
		if err != nil {
			if report == nil {
				all = nil
			}
			return all, fmt.Errorf("%s: %s %s%s: %w", m.with, m.action, t.version(m), remedy(m, moves), err)
		}
	}
	return all, nil
}

// withOlder is the report of the newest major's tests, or of the command in their place, with that of the older majors, which
// is empty if there are none. An installation is no test beside a command.
func withOlder(older, newest *testrun.Report, major helm.Major, command bool) *testrun.Report {
	switch {
	case older.Run+older.Skipped == 0 || newest == nil:
		return newest
	case !command:
		older.Add(major.String(), newest)
		return older
	case older.By != testrun.Installation:
		newest.Add("", older)
	}
	return newest
}

func (t trial) make(ctx context.Context, m move) (*testrun.Report, error) {
	client := t.env.Helm(m.with)
	switch m.action {
	case runsTests:
		return t.tests().Helm(ctx, client, t.release)
	case startsOver:
		return nil, t.env.StartOver(ctx, m.with)
	case rollsBack:
		if err := client.Rollback(ctx, t.release); err != nil {
			return nil, err
		}
		t.line("%s: rolled back to %s", m.with, t.version(m))
		return nil, nil
	}
	before, err := client.Apply(ctx, t.pkg(m), t.release)
	switch {
	case err != nil:
		return nil, err
	case before == t.version(m):
		t.line("%s: upgraded the release, which an older Helm installed; it is ready", m.with)
	case before != "":
		t.line("%s: upgraded %s to %s; it is ready", m.with, before, t.version(m))
	case m.previous:
		t.line("%s: installed %s, the latest version below the candidate, to test the upgrade from it", m.with, t.version(m))
	default:
		t.line("%s: installed %s %s in namespace %s; it is ready", m.with, t.c.Package.Name, t.version(m), t.release.Namespace)
	}
	return nil, nil
}

func (t trial) version(m move) string {
	if m.previous {
		return t.old.version
	}
	return t.c.Package.Version
}

func (t trial) pkg(m move) []byte {
	if m.previous {
		return t.old.pkg
	}
	return t.c.Package.Bytes
}

// remedy is what to do about a previous version that never worked with one of several majors: no candidate can change that.
func remedy(m move, moves []move) string {
	if m.action == installs && m.previous && moves[0].with != moves[len(moves)-1].with {
		return fmt.Sprintf(", to upgrade from it (if no published version works with %s, leave it out of verify.helm until one does)", m.with)
	}
	return ""
}
