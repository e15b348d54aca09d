//go:build linux

package agent

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/podprogram"
)

const (
	// activeInterval between requests to an LND that is not active yet.
	activeInterval = 250 * time.Millisecond
	// aliveValid is how long an answer to the liveness probe is given again: any pod of the cluster may request it.
	aliveValid = time.Second
	confFile   = "lnd.conf"
)

// runLND runs LND until the context ends, until it has another backend, or until its end, which is an error.
func (a *agent) runLND(ctx context.Context, backend api.Backend) error {
	var keep podprogram.Tail
	child, usersPair, err := a.begin(backend, &keep)
	if err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.Background())
	defer cancel()
	a.started(run, backend, usersPair)
	defer a.ended()
	go a.watch(run)
	a.report("lnd starts, with bitcoind at %s", at(backend, backend.RPCPort))
	stop := func() {
		child.Stop(a.Grace, func() { a.report("lnd did not end within %v and is killed", a.Grace) })
		child.Exit()
	}
	for {
		select {
		case <-child.Ended():
			code, _ := child.Exit()
			return &ExitError{Code: code, Cause: sentence(causeIn(keep.Text()))}
		case <-ctx.Done():
			stop()
			return nil
		case <-a.changed:
		}
		a.mu.Lock()
		same := *a.backend == *a.running
		a.mu.Unlock()
		if !same {
			a.report("lnd ends, to start with another backend")
			stop()
			return nil
		}
	}
}

// begin writes what LND reads and starts it, with the certificate of the user or with its own.
func (a *agent) begin(backend api.Backend, keep *podprogram.Tail) (child *podprogram.Child, usersPair bool, err error) {
	text, err := os.ReadFile(filepath.Join(a.ConfigDir, api.ConfigKey))
	if err != nil {
		return nil, false, err
	}
	pair, usersPair, err := pairIn(a.SecretDir, a.now())
	if err == nil && usersPair {
		err = pair.writeTo(a.DataDir)
	}
	if err != nil {
		return nil, false, err
	}
	path := filepath.Join(a.RunDir, confFile)
	if err := atomicfile.Write(path, []byte(confOf(string(text), a.ordinal, backend, usersPair)), 0o600); err != nil {
		return nil, false, err
	}
	argv := slices.Concat(a.Command, []string{"--lnddir=" + a.DataDir, "--configfile=" + path})
	child, err = a.children.Start(a.program, argv, a.Env, func(output io.Reader) { a.lines.Copy("", output, keep) })
	return child, usersPair, err
}

func (a *agent) started(run context.Context, backend api.Backend, usersPair bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running, a.usersPair, a.answered, a.run = &backend, usersPair, false, run
	a.adoptHosts() // it may have got others since
	// A new process has either finished the channels or forgotten them.
	maps.DeleteFunc(a.openings, func(_ string, o opening) bool { return !o.ended.IsZero() })
}

func (a *agent) ended() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running, a.answered = nil, false
	a.lnd.http.CloseIdleConnections()
}

// watch asks LND until it is active and answers getinfo.
func (a *agent) watch(run context.Context) {
	tick := time.NewTicker(activeInterval)
	defer tick.Stop()
	for {
		select {
		case <-run.Done():
			return
		case <-tick.C:
		}
		if a.isActive(run) {
			a.mu.Lock()
			// Not for the process after this one.
			a.answered = run.Err() == nil
			a.mu.Unlock()
			return
		}
	}
}

func (a *agent) isActive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, api.AliveTimeout)
	defer cancel()
	state, err := a.lnd.stateOf(ctx)
	return err == nil && state == api.LNDActive && a.getInfo(ctx) == nil
}

func (a *agent) getInfo(ctx context.Context) error {
	return a.lnd.call(ctx, http.MethodGet, "/v1/getinfo", nil, &struct{}{})
}

func (a *agent) hasAnswered() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.answered
}

// ready is nil when LND is active and has answered once.
func (a *agent) ready(context.Context) error {
	if !a.hasAnswered() {
		return errNotActive
	}
	return nil
}

// alive is nil unless an LND that was active does not answer getinfo. Its state is no proof: an LND that has lost its bitcoind stays
// active.
func (a *agent) alive(context.Context) error {
	if !a.hasAnswered() {
		return nil
	}
	a.aliveMu.Lock()
	defer a.aliveMu.Unlock()
	if a.now().Sub(a.aliveAt) < aliveValid {
		return a.aliveIs
	}
	// Not the context of the request: others wait for the same answer.
	ctx, cancel := context.WithTimeout(context.Background(), api.AliveTimeout)
	defer cancel()
	err := a.getInfo(ctx)
	if rejected, ok := errors.AsType[*lndError](err); ok && rejected.status != http.StatusServiceUnavailable {
		err = nil // an answer
	}
	a.aliveAt, a.aliveIs = a.now(), err
	return err
}

// logLine is a line of LND's log, of which the level is the first group.
var logLine = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* \[([A-Z]{3})\]`)

// causeIn the output of LND is the line that reports its end: what it writes to standard error last, or else the last line of its log
// with an error, or else the last line.
func causeIn(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	last, failed := strings.TrimSpace(lines[len(lines)-1]), ""
	for _, line := range slices.Backward(lines) {
		line = strings.TrimSpace(line)
		level := logLine.FindStringSubmatch(line)
		switch {
		case line == "":
		case level == nil:
			return line
		case failed == "" && (level[1] == "ERR" || level[1] == "CRT"):
			failed = line
		}
	}
	if failed != "" {
		return failed
	}
	return last
}
