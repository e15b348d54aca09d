package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A height of 3 was reported before. Each letter is a block; "" is a node that does not answer.
func TestTheHeightFallsWhenNoNodeMayHaveTheBlocks(t *testing.T) {
	const kept = "3"
	for name, test := range map[string]struct {
		chains  []string
		stored  bool
		leaving bool
		// hasRun are the nodes that do not answer and whose bitcoind has been running, in this pod.
		hasRun map[int]bool
		want   string
	}{
		"all nodes answer":                                        {chains: []string{"a", ""}, want: "fell to 1"},
		"a new block":                                             {chains: []string{"aaaa"}, want: "4"},
		"another chain of the same height":                        {chains: []string{"bbb"}, want: kept},
		"all nodes begin again":                                   {chains: []string{"g", "g"}, want: "fell to 1"},
		"no pod has run":                                          {chains: []string{"", ""}, want: "fell to 0"},
		"a node that runs does not answer":                        {chains: []string{"a", ""}, hasRun: map[int]bool{1: true}, want: kept},
		"a node with storage does not answer":                     {chains: []string{"a", ""}, stored: true, want: kept},
		"all nodes with storage answer":                           {chains: []string{"a", "a"}, stored: true, want: "fell to 1"},
		"the last pod is gone":                                    {want: "fell to 0"},
		"the last pod is gone, and its claim is kept":             {stored: true, want: kept},
		"a pod that is removed may have it":                       {chains: []string{"a"}, leaving: true, want: kept},
		"the last pod is being removed":                           {leaving: true, want: kept},
		"the highest answers, another node does not":              {chains: []string{"aaa", ""}, hasRun: map[int]bool{1: true}, want: kept},
		"another node has more, and one that ran does not answer": {chains: []string{"aaaa", ""}, hasRun: map[int]bool{1: true}, want: "4"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &policyInputs{now: time.Unix(1_000_000, 0), nodes: onChains(test.chains...)}
			in.chains = compareTips(tipsOf(in.nodes), func(tip, tip) (bool, bool) { return true, true })
			if test.leaving {
				in.leaving = []*corev1.Pod{{}}
			}
			for i := range test.hasRun {
				in.nodes[i].pod = withAddresses(onChains(""))[0].pod
			}
			status := v1.BitcoinNetworkStatus{Height: 3, BestBlockHash: "aaa"}
			setHeight(&status, in, test.stored)
			got := fmt.Sprint(status.Height)
			if status.HeightFell != nil {
				got = fmt.Sprintf("fell to %d", status.HeightFell.To)
			}
			if got != test.want || len(status.BestBlockHash) != int(status.Height) {
				t.Errorf("%s with best block %q, want %s", got, status.BestBlockHash, test.want)
			}
		})
	}
}

func TestAContainerThatWaitsForItsFirstStartHasNotRun(t *testing.T) {
	pod := &corev1.Pod{}
	if hasRun(pod) || hasRun(nil) {
		t.Error("a pod without containers has run")
	}
	pod = withAddresses(onChains(""))[0].pod
	pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}
	if hasRun(pod) {
		t.Error("a container that waits for its first start has run")
	}
	pod.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{}
	if !hasRun(pod) {
		t.Error("a container that waits for a restart has not run")
	}
}

// Each pass is one of another operator: the fall is compared with the status, which survives a restart.
func TestAFallOfTheHeightIsOneEvent(t *testing.T) {
	network, in := healthy()
	recorder := events.NewFakeRecorder(20)
	r := &Reconciler{recorder: recorder, client: patched{version: "1"}}
	observe := func(chains ...string) {
		t.Helper()
		in.nodes = allPodsReady(onChains(chains...))
		in.chains = compareTips(tipsOf(in.nodes), func(tip, tip) (bool, bool) { return true, true })
		in.connections = connections{}
		status := buildStatus(network, in, evaluate(in))
		if err := r.updateStatus(t.Context(), network, status, in.chains, newNetworkState(network)); err != nil {
			t.Fatal(err)
		}
		network.Status = status
	}
	for _, step := range []struct {
		chain string
		want  string
	}{
		{"aaa", ""}, {"a", "fell from 3 to 1"}, {"a", ""}, {"aa", ""}, {"aaaa", ""}, {"aa", "fell from 4 to 2"},
	} {
		in.now = in.now.Add(time.Minute)
		observe(step.chain, step.chain)
		var got []string
		for len(recorder.Events) > 0 {
			if event := <-recorder.Events; strings.Contains(event, "HeightFell") {
				got = append(got, event)
			}
		}
		if want := step.want != ""; want != (len(got) == 1) || want && !strings.Contains(got[0], step.want) {
			t.Errorf("on %s: events %q, want %q", step.chain, got, step.want)
		}
	}
	if fall := network.Status.HeightFell; fall == nil || fall.From != 4 || fall.To != 2 || fall.Time.IsZero() {
		t.Errorf("the status has %+v", fall)
	}
}
