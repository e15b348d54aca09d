package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// approvers gives the stage prod so many approvers with keys of their own, in the variables KEY0, KEY1, …
func (r *released) approvers(n int) {
	g := r.guards()
	for i := range n {
		priv, pub, err := attest.GenerateKey()
		if err != nil {
			r.t.Fatal(err)
		}
		r.env[fmt.Sprintf("KEY%d", i)], r.env[fmt.Sprintf("PUB%d", i)] = string(priv), string(pub)
		g.ApproverKeys = append(g.ApproverKeys, config.Key{Env: fmt.Sprintf("PUB%d", i)})
	}
	g.Approvals = n
}

func TestApprovalsInTheWorkDirectoryAreTakenByPromote(t *testing.T) {
	r := newRelease(t, "v1.0.0")
	r.leave()
	r.approvers(2)
	// Two people whose names begin alike are two.
	for i, by := range []string{"release manager one", "release manager two"} {
		if _, err := Promote(t.Context(), r.s, PromoteOptions{}); failure.Of(err) != failure.Rejected {
			t.Errorf("with %d approvals: %v", i, err)
		}
		if _, err := Approve(t.Context(), r.s, ApproveOptions{By: by, Key: config.Key{Env: fmt.Sprintf("KEY%d", i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Promote(t.Context(), r.s, PromoteOptions{}); err != nil {
		t.Error(err)
	}
}

func TestAnApprovalThatIsNamedDoesNotTakeTheRecordsPlace(t *testing.T) {
	r := newRelease(t, "v1.0.0")
	r.leave()
	r.approvers(1)
	a, err := Approve(t.Context(), r.s, ApproveOptions{By: "a", Key: config.Key{Env: "KEY0"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Promote(t.Context(), r.s, PromoteOptions{Records: []string{a.File}}); err != nil {
		t.Error(err)
	}
}

func TestOneKeyUnderTwoNamesIsOneApproval(t *testing.T) {
	r := newRelease(t, "v1.0.0")
	r.leave()
	r.approvers(2)
	r.env["PUB1"] = "\n" + r.env["PUB0"]
	if _, err := Approve(t.Context(), r.s, ApproveOptions{By: "a", Key: config.Key{Env: "KEY0"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Promote(t.Context(), r.s, PromoteOptions{}); failure.Of(err) != failure.Rejected {
		t.Errorf("got %v", err)
	}
}

func TestADryRunOfPromoteRefusesWhatPromoteRefuses(t *testing.T) {
	r := newRelease(t, "v1.0.0")
	r.leave()
	if _, err := Promote(t.Context(), r.s, PromoteOptions{}); err != nil {
		t.Fatal(err)
	}
	r.repack("# A chart.", "# A chart, changed.")
	r.guards().VerifiedBy = "none"
	r.s.DryRun = true
	var conflict *index.DigestConflictError
	if _, err := Promote(t.Context(), r.s, PromoteOptions{Package: r.path(".tgz")}); !errors.As(err, &conflict) || failure.Of(err) != failure.Rejected {
		t.Errorf("got %v", err)
	}
}

func TestFaultsThatNobodyNamedAreNotThisPrograms(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want failure.Kind
	}{
		"a program that is not installed":      {&exec.Error{Name: "git", Err: exec.ErrNotFound}, failure.External},
		"a directory that may not be written":  {&fs.PathError{Op: "open", Path: "/x", Err: syscall.EACCES}, failure.External},
		"a disk that is read only":             {&fs.PathError{Op: "open", Path: "/x", Err: syscall.EROFS}, failure.External},
		"a quota that is used up":              {&fs.PathError{Op: "write", Path: "/x", Err: syscall.EDQUOT}, failure.External},
		"a test command that is not installed": {fmt.Errorf("%w: %w", ErrInput, exec.ErrNotFound), failure.BadInput},
		"a tag that was moved":                 {gitrepo.ErrTagMoved, failure.BadInput},
		"a file that is not there":             {os.ErrNotExist, failure.Internal},
	} {
		if got := failure.Of(fmt.Errorf("doing it: %w", c.err)); got != c.want {
			t.Errorf("%s is %s, want %s", name, got, c.want)
		}
	}
}
