//go:build linux

// Package agent runs the LND of a pod: cmd/lnd-agent. It imports the standard library only, and little of this repository, because every
// such pod starts it.
package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/podprogram"
)

// Settings of the program.
type Settings struct {
	// ConfigDir, RunDir and DataDir are the directories of package api.
	ConfigDir, RunDir, DataDir string
	// SecretDir has the user's Secret; "" for none.
	SecretDir string
	// Listen is the address of the HTTP interface, and REST that of LND's.
	Listen, REST string
	// Grace is how long LND may take to end before it is killed.
	Grace time.Duration
	// Command is lnd, with its arguments but for the configuration.
	Command []string
	Env     []string
	Output  io.Writer
}

// backendFile in RunDir has the backend, so that a container that is started again needs no operator.
const backendFile = "backend.json"

type agent struct {
	Settings
	program  string // the path of Command
	pod      string
	ordinal  int
	lines    *podprogram.Lines
	children *podprogram.Children
	lnd      *lnd
	rpc      *http.Client
	// changed has a message after each change of the backend.
	changed chan struct{}
	// openTimeout is api.OpenTimeout.
	openTimeout time.Duration

	mu      sync.Mutex
	backend *api.Backend
	// running is what LND was started with, nil while it does not run.
	running *api.Backend
	// usersPair is true when it presents the certificate of the user's Secret.
	usersPair bool
	// problem is why LND does not run although a backend is known.
	problem string
	// secret is the state of the user's Secret, while LND waits for it.
	secret api.SecretState
	// answered is true when LND has been active and answered getinfo since its start.
	answered bool
	// run is the context of LND's process.
	run context.Context //nolint:containedctx // it ends with the process, and not with a call
	// openings are the requests to open channels that have not ended, or whose outcome is unknown, by the public key of the peer.
	openings map[string]opening

	aliveMu sync.Mutex
	aliveAt time.Time
	aliveIs error
}

// ExitError is the end of LND by itself.
type ExitError struct {
	Code  int
	Cause string
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("lnd ended with exit code %d: %s", e.Code, e.Cause)
}

// Run runs LND until the context ends and LND has, or until LND ends by itself. Errors: *ExitError.
func Run(ctx context.Context, settings Settings) error {
	a, err := newAgent(settings)
	if err != nil {
		return err
	}
	if err := a.children.Reap(); err != nil {
		return fmt.Errorf("become the parent of orphans: %w", err)
	}
	a.restoreBackend()
	stop, err := a.serve()
	if err != nil {
		return fmt.Errorf("serve the operator: %w", err)
	}
	defer stop()
	for ctx.Err() == nil {
		backend, ok := a.awaitBackend(ctx)
		if !ok {
			break
		}
		if err := a.runLND(ctx, backend); err != nil {
			return err
		}
	}
	return nil
}

func newAgent(settings Settings) (*agent, error) {
	program, err := exec.LookPath(settings.Command[0])
	if err != nil {
		return nil, fmt.Errorf("the image has no %s on its PATH: set another image in spec.image (%w)", settings.Command[0], err)
	}
	a := &agent{
		Settings: settings, program: program, lines: podprogram.NewLines(settings.Output), children: podprogram.NewChildren(),
		lnd: newLND(settings.REST, settings.DataDir), changed: make(chan struct{}, 1), run: context.Background(), openTimeout: api.OpenTimeout,
		// Never a proxy, which would receive the credential.
		rpc: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	for _, variable := range settings.Env {
		if name, found := strings.CutPrefix(variable, api.PodNameVariable+"="); found {
			a.pod = name
			if a.ordinal, err = podprogram.Ordinal(name); err != nil {
				return nil, err
			}
		}
	}
	// A pod without it must not get ready, and the file is read again at each request.
	if _, err := credentialIn(settings.ConfigDir); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *agent) now() time.Time { return time.Now() }

func (a *agent) report(format string, args ...any) { a.lines.Printf("lnd-agent: ", format, args...) }

func (a *agent) restoreBackend() {
	raw, err := os.ReadFile(filepath.Join(a.RunDir, backendFile))
	var kept api.Backend
	if err == nil && json.Unmarshal(raw, &kept) == nil && validate(kept) == nil {
		a.backend = &kept
	}
}

// setBackend keeps a backend, and lets Run act on it if it is another one.
func (a *agent) setBackend(b api.Backend) error {
	raw, err := json.Marshal(b)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.backend != nil && *a.backend == b {
		return nil
	}
	if err := atomicfile.Write(filepath.Join(a.RunDir, backendFile), raw, 0o600); err != nil {
		return err
	}
	a.backend = &b
	a.adoptHosts()
	select {
	case a.changed <- struct{}{}:
	default:
	}
	return nil
}

// adoptHosts takes the hosts of LND's own certificate for those that LND runs with, when it presents that of the user: another one would restart
// it for nothing. It needs the lock.
func (a *agent) adoptHosts() {
	if a.running == nil || a.backend == nil || !a.usersPair {
		return
	}
	with := *a.running
	with.CertificateHosts = a.backend.CertificateHosts
	if with == *a.backend {
		a.running = &with
	}
}

// awaitBackend returns the backend when LND can start with it; not ok if the context ends before.
func (a *agent) awaitBackend(ctx context.Context) (_ api.Backend, ok bool) {
	reported := ""
	for {
		a.mu.Lock()
		backend := a.backend
		a.mu.Unlock()
		_, _, err := pairIn(a.SecretDir, a.now())
		switch {
		case err != nil:
		case backend == nil:
			err = errors.New("the operator has not sent the bitcoind for LND yet")
		default:
			err = reachable(ctx, a.rpc, *backend)
		}
		if err == nil {
			a.waitsFor("", "")
			return *backend, true
		}
		if text := sentence(err.Error()); text != reported {
			reported = text
			a.report("waits: %s", text)
			a.waitsFor(text, secretState(err))
		}
		select {
		case <-ctx.Done():
			return api.Backend{}, false
		case <-a.changed:
		case <-time.After(reachInterval):
		}
	}
}

// waitsFor keeps why LND does not run.
func (a *agent) waitsFor(problem string, secret api.SecretState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.problem, a.secret = problem, secret
}

// processState is the part of the state that needs no LND.
func (a *agent) processState() api.State {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := api.State{Process: api.Waiting}
	switch {
	case a.running != nil:
		// Not the one that the agent has got since, for which LND has to end first.
		s.Process, s.Backend = api.Running, a.running.Digest()
		if a.backend != nil && *a.backend != *a.running {
			s.Next = a.backend.Digest()
		}
		return s
	case a.backend != nil:
		s.Backend = a.backend.Digest()
	}
	if s.Secret = a.secret; a.problem != "" {
		s.Problems = []string{a.problem}
	}
	return s
}
