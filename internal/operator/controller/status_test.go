package controller

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// patched is an API server that accepts every status patch, or returns err.
type patched struct {
	client.Client
	version string
	err     error
}

func (p patched) Status() client.SubResourceWriter { return patchedStatus{patched: p} }

type patchedStatus struct {
	client.SubResourceWriter
	patched patched
}

func (p patchedStatus) Patch(_ context.Context, object client.Object, _ client.Patch, _ ...client.SubResourcePatchOption) error {
	object.SetResourceVersion(p.patched.version)
	return p.patched.err
}

func TestTipsThatCouldNotBeComparedAreNoFork(t *testing.T) {
	network, in := healthy()
	in.nodes = allPodsReady(onChains("a", "b", "aa"))
	in.chains = compareTips(tipsOf(in.nodes), func(tip, tip) (bool, bool) { return false, false })
	network.Status.ChainTips = 1
	if status := buildStatus(network, in, evaluate(in)); status.ChainTips != 1 || status.Height != 2 {
		t.Errorf("%d tips at height %d", status.ChainTips, status.Height)
	}
	in.chains.complete = true
	if status := buildStatus(network, in, evaluate(in)); status.ChainTips != 3 {
		t.Errorf("%d tips instead of three", status.ChainTips)
	}
}

// Without a written status there is no transition: the next pass records the events. The failure itself is the only event.
func TestAFailedPatchRecordsNoTransition(t *testing.T) {
	network, in := healthy()
	recorder := events.NewFakeRecorder(10)
	state := newNetworkState(network)
	fault := errors.New("the API server is down")
	r := &Reconciler{recorder: recorder, client: patched{err: fault}, now: time.Now}
	status := buildStatus(network, in, evaluate(in))
	if err := r.updateStatus(t.Context(), network, status, in.chains, state); !errors.Is(err, fault) {
		t.Errorf("%v", err)
	}
	if note := <-recorder.Events; !strings.Contains(note, v1.ReasonReconcileFailed) || len(recorder.Events) != 0 || state.written != nil {
		t.Errorf("event %q and %d more, written %v", note, len(recorder.Events), state.written)
	}
	r.client = patched{version: "2"}
	if err := r.updateStatus(t.Context(), network, status, in.chains, state); err != nil || len(recorder.Events) != 2 {
		t.Errorf("%d events, %v", len(recorder.Events), err)
	}
}

// The status must not change when nothing has changed, or each pass would write it.
func TestTheStatusOfTheSameObservationIsTheSame(t *testing.T) {
	network, in := healthy()
	network.Status = buildStatus(network, in, evaluate(in))
	before := network.Status.DeepCopy()
	if again := buildStatus(network, in, evaluate(in)); !equality.Semantic.DeepEqual(*before, again) {
		t.Errorf("%+v\n%+v", *before, again)
	}
	if !equality.Semantic.DeepEqual(*before, network.Status) {
		t.Error("the previous status was changed")
	}
}

// nodeName has the name of a pod, which is not what Kubernetes calls the name of a node.
func TestEachNodeHasThePodName(t *testing.T) {
	network, in := healthy()
	for i, n := range buildStatus(network, in, evaluate(in)).Nodes {
		if want := in.nodes[i].podName; n.PodName != want || n.NodeName != want {
			t.Errorf("node %d: podName %q, nodeName %q, want %q", i, n.PodName, n.NodeName, want)
		}
	}
}

func TestTwoConnectionsWithOnePeerCountOnce(t *testing.T) {
	peers := []bitcoind.PeerInfo{
		{Addr: "10.0.0.2:18444", Version: 1}, {Addr: "10.0.0.2:41234", Version: 1}, {Addr: "10.0.0.3:18444"}, {Addr: "[fd00::4]:18444", Version: 1}, {Addr: "[fd00::4]", Version: 1},
	}
	if got := peersOf(nil).count(0, &node{answer: &answer{peers: peers}}); got != 2 {
		t.Errorf("%d peers instead of 2", got)
	}
}

// The API server stores JSON, which has no half characters: a status that is cut within one differs from the stored one for ever.
func TestALongMessageIsTheSameAfterItWasStored(t *testing.T) {
	for _, prefix := range []string{"", "a", "ab"} {
		_, in := healthy()
		set := evaluate(in)
		set.nodesReady.Message = prefix + strings.Repeat("日", 32768)
		var written []metav1.Condition
		set.setIn(&written, 1)
		raw, err := json.Marshal(written)
		if err != nil {
			t.Fatal(err)
		}
		var stored []metav1.Condition
		if err := json.Unmarshal(raw, &stored); err != nil {
			t.Fatal(err)
		}
		if got := stored[0].Message; got != written[0].Message || len(got) > 32768 || len(got) < 32768-4 {
			t.Errorf("%d bytes are written, %d bytes are stored", len(written[0].Message), len(got))
		}
	}
}

// Text of pods, nodes and the API server is bounded, so that the rest of the message, with the action, remains.
func TestForeignTextInMessagesIsBounded(t *testing.T) {
	long := strings.Repeat("日", 20_000)
	for name, change := range map[string]func(*policyInputs){
		"a container": func(in *policyInputs) {
			podNotReady(in, 0, waiting(resources.ContainerName, "ErrImagePull", long))
		},
		"the scheduler": func(in *policyInputs) {
			podNotReady(in, 0)
			in.nodes[0].pod.Status.Conditions = []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: long,
			}}
		},
		"the output of a node": func(in *policyInputs) {
			status := waiting(resources.ContainerName, "CrashLoopBackOff", "back-off")
			status.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Message: long}
			podNotReady(in, 0, status)
		},
		"an answer": func(in *policyInputs) { in.nodes[0].answer, in.nodes[0].err = nil, errors.New(long) },
		"the API server": func(in *policyInputs) {
			network := testNetwork(v1.BitcoinNetworkSpec{Nodes: 1})
			r := fakeAPI(t, func(string, string) error {
				return apierrors.NewForbidden(schema.GroupResource{}, "n", errors.New(long))
			})
			objects, err := r.applyObjects(t.Context(), network, newNetworkState(network), time.Now())
			if err != nil || objects.rejected == nil {
				t.Fatal(objects.failed, err)
			}
			in.objects.rejected = objects.rejected
		},
	} {
		_, in := healthy()
		change(in)
		if got := evaluate(in).nodesReady; got.Met || len(got.Message) > 2*2048 || !utf8.ValidString(got.Message) {
			t.Errorf("%s: a message of %d bytes", name, len(got.Message))
		}
	}
}
