package cluster

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// scripted is a node that writes what a test wants.
type scripted func(command []string, out, errOut io.Writer) error

func (s scripted) Exec(_ context.Context, _, _ string, command []string, _ io.Reader, out, errOut io.Writer) error {
	return s(command, out, errOut)
}

func ending(code int, text string) scripted {
	return func(_ []string, _, errOut io.Writer) error {
		_, _ = io.WriteString(errOut, text)
		return exec.CodeExitError{Err: errors.New("exit"), Code: code}
	}
}

func TestErrorsOfBitcoindAreDistinguishedFromANodeThatDoesNotAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		node scripted
		want string
	}{
		"an error of bitcoind": {ending(8, "error code: -8\nerror message:\nBlock height out of range\n"), "bitcoind in p returned an error: Block height out of range (code -8)"},
		"several lines":        {ending(1, "error code: -1\nerror message:\nfirst\x1b\nsecond"), `bitcoind in p returned an error: first\u001b\nsecond (code -1)`},
		"warming up":           {ending(28, "error code: -28\nerror message:\nLoading block index…\n"), "the node p does not answer: Loading block index…; kubectl describe pod p shows its state"},
		"not running":          {ending(1, "error: timeout on transient error: Could not connect to the server 127.0.0.1:18332\n\nMake sure"), "the node p does not answer: error: timeout on transient error: Could not connect to the server 127.0.0.1:18332; kubectl describe pod p shows its state"},
		"no text":              {ending(137, ""), "the node p does not answer: bitcoin-cli ended with exit code 137; kubectl describe pod p shows its state"},
		"a lost connection":    {func([]string, io.Writer, io.Writer) error { return errors.New("broken pipe") }, "the node p does not answer: broken pipe; kubectl describe pod p shows its state"},
		"too much": {func(_ []string, out, _ io.Writer) error {
			_, err := io.Copy(out, io.LimitReader(zeros{}, maxOutput+1))
			return err
		}, "the node p does not answer: its output has more than 67108864 bytes; kubectl describe pod p shows its state"},
	} {
		_, err := (&Client{Pods: c.node}).CLI(t.Context(), "p", "x")
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: the error is %v, and should be %s", name, err, c.want)
		}
		if _, rpc := errors.AsType[*RPCError](err); Transient(err) == rpc {
			t.Errorf("%s: transient is %t", name, Transient(err))
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestBitcoinCLIHasTheConfigurationAndTheArguments(t *testing.T) {
	c := &Client{Pods: scripted(func(command []string, out, _ io.Writer) error {
		_, err := io.WriteString(out, `["`+strings.Join(command, " ")+`"]`+"\n")
		return err
	})}
	for range 2 { // the arguments of one call must not be in the next
		if got, err := Ask[[]string](t.Context(), c, "p", "-named", "echo"); err != nil || got[0] != "bitcoin-cli -conf=/bitcoin.conf -named echo" {
			t.Errorf("the command is %v (%v)", got, err)
		}
	}
	if _, err := Ask[int](t.Context(), c, "p", "echo"); err == nil || !strings.Contains(err.Error(), "is not the expected JSON") {
		t.Errorf("another type gives %v", err)
	}
}

func TestWaitEndsWithWhatIsMissing(t *testing.T) {
	c := &Client{Poll: time.Millisecond}
	tries := 0
	err := c.Wait(t.Context(), time.Minute, "it", func(context.Context) (string, error) {
		tries++
		switch tries {
		case 1:
			return "not yet", nil
		case 2:
			return "", &NodeError{Pod: "p"}
		}
		return "", nil
	})
	if err != nil || tries != 3 {
		t.Errorf("after %d tries: %v", tries, err)
	}
	// Only the waiting takes time.
	synctest.Test(t, func(t *testing.T) {
		err = c.Wait(t.Context(), 10*time.Millisecond, "the end", func(context.Context) (string, error) { return "one node is missing", nil })
	})
	if err == nil || err.Error() != "the end did not happen within 10ms: one node is missing" {
		t.Errorf("at the end of the time: %v", err)
	}
	for _, permanent := range []error{&MissingRight{}, &RPCError{}, apierrors.NewNotFound(schema.GroupResource{}, "x"), errors.New("any other")} {
		tries = 0
		if err := c.Wait(t.Context(), time.Minute, "it", func(context.Context) (string, error) { tries++; return "", permanent }); !errors.Is(err, permanent) || tries != 1 {
			t.Errorf("%T: %v after %d tries", permanent, err, tries)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := c.Wait(ctx, time.Minute, "it", func(context.Context) (string, error) { cancel(); return "never", nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestTheAPIServersAnswerToAStreamIsFound(t *testing.T) {
	status := apierrors.NewUnauthorized("who are you")
	err := (&Client{Namespace: "ns"}).explainExec(t.Context(), &httpstream.UpgradeFailureError{Cause: status}, "p")
	if err == nil || !strings.Contains(err.Error(), "does not accept your credentials") {
		t.Errorf("without credentials: %v", err)
	}
}

func TestNoMoreThanTheBoundIsKept(t *testing.T) {
	b := &bounded{left: 10}
	if n, err := io.Copy(b, strings.NewReader(strings.Repeat("x", 30))); n != 30 || err != nil || len(b.String()) > 10 || b.left >= 0 {
		t.Errorf("of %d bytes %d are kept, %d are left (%v)", n, len(b.String()), b.left, err)
	}
}

// slow is a node that answers after a time.
type slow time.Duration

func (s slow) Exec(ctx context.Context, _, _ string, _ []string, _ io.Reader, out, _ io.Writer) error {
	if err := Sleep(ctx, time.Duration(s)); err != nil {
		return err
	}
	_, err := io.WriteString(out, "[]\n")
	return err
}

// Keys that find their coins in a long chain: what is given up after two minutes would begin anew, and never end.
func TestALongCallTakesAsLongAsItsCallerAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{Pods: slow(4 * time.Minute)}
		if _, err := AskWith[[]int](t.Context(), c, "p", nil, "call"); err == nil || !strings.Contains(err.Error(), "no answer within 2m0s") {
			t.Errorf("a call of four minutes ended with %v", err)
		}
		if _, err := AskLong[[]int](t.Context(), c, "p", nil, "call"); err != nil {
			t.Errorf("a long call of four minutes ended with %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := AskLong[[]int](ctx, c, "p", nil, "call"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a long call that may take a minute ended with %v", err)
		}
	})
}
