package controller

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
)

func TestWhatNoBitcoindSaysIsGarbage(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for name, spoil := range map[string]func(*answer){
		"another chain":         func(a *answer) { a.chain.Chain = "main" },
		"a chain of a megabyte": func(a *answer) { a.chain.Chain = long },
		"a hash that is none":   func(a *answer) { a.chain.BestBlockHash = "0" },
		"a hash of a megabyte":  func(a *answer) { a.chain.BestBlockHash = long },
		"a negative height":     func(a *answer) { a.chain.Blocks = -1 },
		"a version of a megabyte": func(a *answer) {
			a.info.Subversion = long
		},
	} {
		a := &answer{chain: bitcoind.ChainInfo{Chain: "regtest", BestBlockHash: strings.Repeat("0a", 32)}, info: bitcoind.NetworkInfo{Subversion: "/Satoshi:29.0.0/"}}
		if err := a.plausible(); err != nil {
			t.Fatal(err)
		}
		spoil(a)
		if err := a.plausible(); !errors.Is(err, bitcoind.ErrGarbage) || len(err.Error()) > 1000 {
			t.Errorf("%s: %.2000v", name, err)
		}
	}
}

// Of more dead nodes than there are slots, those behind them in the queue are neither late nor lost.
func TestWhoHasNotBeenAskedIsNotLate(t *testing.T) {
	start := time.Now()
	m := &memory{nodes: map[types.UID]*nodeMemory{}}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "1"}}
	known, _, _ := m.node(pod)
	if got, err := m.answerOf(pod, start); got != nil || err != nil || known.late {
		t.Errorf("new, in the queue: %v, %v, late: %v", got, err, known.late)
	}
	m.asked(known)
	m.answered(known, &answer{at: start}, nil, start)
	known, ask, wait := m.node(pod)
	if !ask || !wait {
		t.Fatal("it is not asked")
	}
	if got, err := m.answerOf(pod, start.Add(staleAfter)); got == nil || err != nil || known.late {
		t.Errorf("in the queue: %v, %v, late: %v", got, err, known.late)
	}
	m.asked(known)
	if got, err := m.answerOf(pod, start.Add(staleAfter)); got != nil || err == nil || !known.late {
		t.Errorf("asked, without an answer: %v, %v, late: %v", got, err, known.late)
	}
}

// The time of a call begins when it is made, not while others have the slots.
func TestACallInTurnHasItsWholeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, slots, left := &fleet{}, make(chan struct{}, 1), make(chan time.Duration)
		slots <- struct{}{}
		f.callInTurn(slots, func(ctx context.Context) {
			until, _ := ctx.Deadline()
			left <- time.Until(until)
		})
		time.Sleep(time.Hour)
		<-slots
		if got := <-left; got != callTimeout {
			t.Errorf("%s of %s are left", got, callTimeout)
		}
	})
}
