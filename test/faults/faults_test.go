//go:build faults

package faults

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

const (
	// startLimit is for a network without faults, and recovery for one after them: a lease of 15 s and the operator's start, a rejected
	// write that is held for 30 s, a bitcoind that starts, and time for a busy machine.
	startLimit = 2 * time.Minute
	recovery   = 60 * time.Second
	// shortly is for what does not change any more.
	shortly = 10 * time.Second
	// muchToDo is how long a machine may take for what these limits are for, however busy it is.
	muchToDo = 20 * time.Minute
	// idle is how long an operator with nothing to do is watched: two polls and more.
	idle = 12 * time.Second
)

func TestMain(m *testing.M) {
	if os.Getenv("FAULTS_PLACE") != "" {
		if err := buildBridge(); err != nil {
			panic(err)
		}
	}
	os.Exit(apiserver.Main(m))
}

func TestANetworkIsAsSpecifiedAfterFaults(t *testing.T) {
	if os.Getenv("FAULTS_PLACE") == "" {
		testtools.Missing(t, "fault runs need a network namespace and programs of their own: use scripts/faults.sh")
	}
	count, err := strconv.Atoi(os.Getenv("FAULTS_SEEDS"))
	must(t, err)
	first, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	must(t, err)
	for i := range uint64(count) { //nolint:gosec // a small number
		seed := first + i
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("scripts/faults.sh 1 %d repeats the plan of this run", seed)
				}
			}()
			runSeed(t, seed)
		})
	}
}

func runSeed(t *testing.T, seed uint64) {
	t.Helper()
	p, r := planOf(seed), newRun(t, seed)
	ctx := t.Context()
	spec := v1.BitcoinNetworkSpec{Nodes: 3, Mining: mining()}
	if p.perPod > 1 {
		spec.Nodes, spec.NodesPerPod = 5, p.perPod
	}
	if p.storage {
		spec.Storage = &v1.Storage{RetentionPolicy: v1.RetentionDelete}
	}
	must(t, r.Client.Create(ctx, &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: r.name, Name: "net"}, Spec: spec}))
	observing, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.observe(observing)
	}()
	defer func() {
		stop()
		<-done
	}()
	r.until(t, "the new network to be Ready", startLimit, r.asSpecified)
	r.until(t, "blocks that are not to be lost", startLimit, r.hasBlocks)
	begin := time.Now()
	for _, f := range p.faults {
		if !sleep(ctx, time.Until(begin.Add(f.at))) {
			return
		}
		r.inject(ctx, f)
	}
	r.calm()
	r.recovers(ctx, t)
	r.until(t, "nothing to be left over", recovery, r.nothingLeftOver)
	r.staysIdle(ctx, t)
	r.isDeleted(ctx, t)
}

// until waits for a check, also of what the operator writes at the end of it.
func (r *run) until(t *testing.T, what string, limit time.Duration, check func(context.Context) error) {
	t.Helper()
	began, from := time.Now(), r.pace.now()
	var err error
	for r.pace.now()-from < limit && time.Since(began) < muchToDo {
		if err = check(t.Context()); err == nil {
			r.note("%s: after %.1f s (%.1f s of its own)", what, time.Since(began).Seconds(), (r.pace.now() - from).Seconds())
			return
		}
		if !sleep(t.Context(), 300*time.Millisecond) {
			break
		}
	}
	r.note("%s: not after %s: %v", what, limit, err)
	t.Fatalf("waited %s for %s: %v", limit, what, err)
}
