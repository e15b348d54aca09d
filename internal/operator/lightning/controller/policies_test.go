package controller

import (
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/condition"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
	"github.com/christianb93/bitcoin-controller/internal/operator/podproblem"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

var now = time.Unix(1_800_000_000, 0)

// healthy are two nodes without any problem, and the plan of a network whose channels are active.
func healthy() (*policyInputs, *plan.Plan) {
	in := &policyInputs{
		now: now, network: "net", bitcoin: &v1.BitcoinNetwork{Spec: v1.BitcoinNetworkSpec{Nodes: 1}},
		objects:  appliedObjects{set: &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "ln-lnd"}}},
		bitcoins: map[int]*bitcoinNode{0: {status: v1.NodeStatus{IP: "10.0.0.1"}, lnd: bitcoind.Credential{User: "lightning"}}},
	}
	for i, name := range []string{"ln-lnd-0", "ln-lnd-1"} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}}
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now)}}
		in.nodes = append(in.nodes, node{ordinal: i, podName: name, pod: pod, state: &api.State{Process: api.Running, LND: api.LNDActive, Info: &api.Info{}}})
	}
	met := condition.True("Met", "met")
	return in, &plan.Plan{Synced: met, Funded: met, ChannelsActive: met}
}

func (in *policyInputs) wait(reason, message, output string) {
	pod := in.nodes[0].pod
	pod.Status.Conditions[0].Status = corev1.ConditionFalse
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "lnd", Image: "lnd:1", RestartCount: 3, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: output}},
	}}
	in.nodes[0].state = nil
}

// waitForSecret lets the first pod wait for the Secret of the user.
func (in *policyInputs) waitForSecret(state api.SecretState, since time.Time, problem string) {
	in.secret = "mine"
	in.nodes[0].pod.Status.Conditions[0] = corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(since)}
	in.nodes[0].state = &api.State{Process: api.Waiting, Secret: state, Problems: []string{problem}}
}

// hindrances are what keeps the nodes from being ready, one at a time.
var hindrances = map[string]struct {
	change       func(*policyInputs)
	reason, text string
	stalled      bool
	recheck      time.Duration
}{
	"nothing":       {func(*policyInputs) {}, v1.LightningReasonReady, "2 of 2 nodes are ready", false, 0},
	"no nodes":      {func(in *policyInputs) { in.nodes, in.bitcoin = nil, nil }, v1.LightningReasonNoNodes, "no nodes", false, 0},
	"a write fails": {func(in *policyInputs) { in.objects.failed = errors.New("no answer") }, v1.LightningReasonReconcileFailed, "no answer", false, 0},
	"an object is rejected": {func(in *policyInputs) {
		in.objects.rejected = &apply.Error{Reason: v1.ReasonApplyRefused, Message: "quota"}
	}, v1.LightningReasonApplyRefused, "quota", true, 0},
	"no BitcoinNetwork": {func(in *policyInputs) { in.bitcoin = nil }, v1.LightningReasonBitcoinNetworkMissing, "BitcoinNetwork net does not exist", false, podproblem.GracePeriod},
	"no BitcoinNetwork for long": {func(in *policyInputs) {
		in.bitcoin, in.withoutBitcoin = nil, time.Minute
	}, v1.LightningReasonBitcoinNetworkMissing, "create it", true, 0},
	"no bitcoind": {func(in *policyInputs) {
		in.bitcoin.Spec.Nodes, in.withoutBitcoin = 0, time.Minute
	}, v1.LightningReasonBitcoinNodesMissing, "scale it up", true, 0},
	"a bitcoind is not ready":           {func(in *policyInputs) { in.bitcoins[0].status.IP = "" }, v1.LightningReasonBitcoinNodeNotReady, "net are not ready: node 0", false, 0},
	"a bitcoind without the credential": {func(in *policyInputs) { in.bitcoins[0].err = errNoCredential }, v1.LightningReasonBitcoinNodeNotReady, "does not have the credential", false, 0},
	"a pod is missing":                  {func(in *policyInputs) { in.nodes[1] = node{podName: "ln-lnd-1"} }, v1.LightningReasonNodesStarting, "1 of 2 nodes are ready; not ready: ln-lnd-1", false, 0},
	"an LND that starts": {func(in *policyInputs) {
		in.nodes[0].pod.Status.Conditions[0].Status, in.nodes[0].state.LND = corev1.ConditionFalse, api.LNDSyncing
	}, v1.LightningReasonNodesStarting, "LND is in the state RPC_ACTIVE", false, 0},
	"a silent agent": {func(in *policyInputs) {
		in.nodes[0].state, in.nodes[0].err = nil, errors.New("read tcp 10.0.0.9:4711->10.0.0.2:18331: reset")
	}, v1.LightningReasonNodeNotAnswering, "ln-lnd-0 (read tcp 10.0.0.2:18331: reset)", false, 0},
	"no image": {func(in *policyInputs) { in.wait("ErrImagePull", "no such image", "") }, v1.LightningReasonImageUnavailable, "cannot pull the image lnd:1", false, podproblem.GracePeriod},
	"an LND that ends": {func(in *policyInputs) {
		in.wait("CrashLoopBackOff", "back-off", "lnd-agent: waits\nunknown flag `colour'\n")
	}, v1.LightningReasonNodeFailing, "exit code 1, after 3 restarts: unknown flag `colour'", true, 0},
	"half a wallet": {func(in *policyInputs) {
		in.wait("CrashLoopBackOff", "back-off", "unable to create wallet controller: missing address manager namespace")
	}, v1.LightningReasonWalletDamaged, "its claim data-ln-lnd-0", true, 0},
	"no Secret": {func(in *policyInputs) { in.waitForSecret(api.SecretMissing, now, "x") }, v1.LightningReasonSecretMissing, "ln-lnd-0 waits for the Secret mine", false, podproblem.GracePeriod},
	"no Secret for long": {func(in *policyInputs) {
		in.waitForSecret(api.SecretMissing, now.Add(-time.Minute), "x")
	}, v1.LightningReasonSecretMissing, "create it in this namespace", true, 0},
	"a Secret with a certificate that has expired": {func(in *policyInputs) {
		in.waitForSecret(api.SecretUnusable, now.Add(-time.Minute), "it has expired")
	}, v1.LightningReasonSecretUnusable, "cannot use the Secret mine: it has expired; correct", true, 0},
	"a removed node": {func(in *policyInputs) {
		in.leaving = []node{{podName: "ln-lnd-2", pod: &corev1.Pod{}}}
	}, v1.LightningReasonNodesLeaving, "ln-lnd-2", false, 0},
	"an old pod": {func(in *policyInputs) {
		in.objects.set.Status.UpdateRevision = "new"
		in.nodes[1].pod.Labels = map[string]string{appsv1.ControllerRevisionHashLabelKey: "old"}
	}, v1.LightningReasonUpdating, "ln-lnd-1", false, 0},
	"an LND with another backend": {func(in *policyInputs) {
		in.nodes[1].backend = &api.Backend{Host: "new"}
	}, v1.LightningReasonUpdating, "another bitcoind, password or certificate: ln-lnd-1", false, 0},
	"an LND that restarts before the kubelet sees it": {func(in *policyInputs) {
		in.nodes[1].state.LND, in.nodes[1].state.Info = api.LNDSyncing, &api.Info{}
	}, v1.LightningReasonNodesStarting, "ln-lnd-1 (LND is in the state RPC_ACTIVE)", false, 0},
	"an LND that has ended before the kubelet sees it": {func(in *policyInputs) {
		in.nodes[1].state = &api.State{Process: api.Waiting}
	}, v1.LightningReasonNodesStarting, "1 of 2 nodes are ready; not ready: ln-lnd-1", false, 0},
	"an agent that does not take its bitcoind": {func(in *policyInputs) {
		in.nodes[1].backend, in.nodes[1].handOver = &api.Backend{Host: "new"}, "no space left"
	}, v1.LightningReasonUpdating, "ln-lnd-1 (it does not take its bitcoind: no space left)", false, 0},
	"a new pod that does not take its bitcoind": {func(in *policyInputs) {
		in.nodes[1].state, in.nodes[1].handOver = &api.State{Process: api.Waiting}, "no space left"
		in.nodes[1].pod.Status.Conditions[0].Status = corev1.ConditionFalse
	}, v1.LightningReasonNodesStarting, "ln-lnd-1 (it does not take its bitcoind: no space left)", false, 0},
	"an object of an earlier network": {func(in *policyInputs) { in.objects.waitingFor = "waiting until it is deleted" }, v1.LightningReasonUpdating, "waiting until", false, 0},
}

func TestNodesReadyNamesWhatHinders(t *testing.T) {
	for name, test := range hindrances {
		t.Run(name, func(t *testing.T) {
			in, decided := healthy()
			test.change(in)
			got, recheck := evaluate(in, decided)
			if got.nodesReady.Reason != test.reason || !strings.Contains(got.nodesReady.Message, test.text) {
				t.Errorf("NodesReady is %+v", got.nodesReady)
			}
			if got.Stalled.Met != test.stalled || test.stalled && got.Stalled.Reason != test.reason || recheck != test.recheck {
				t.Errorf("Stalled is %+v, again in %s", got.Stalled, recheck)
			}
			if got.Ready.Met != got.nodesReady.Met || got.Reconciling.Met == (got.Ready.Met || got.Stalled.Met) {
				t.Errorf("Ready is %+v, Reconciling %+v", got.Ready, got.Reconciling)
			}
		})
	}
}

func TestReadyIsTheFirstConditionThatIsNotMet(t *testing.T) {
	in, decided := healthy()
	decided.Funded, decided.ChannelsActive = condition.False(v1.LightningReasonSubsidyTooSmall, "poor"), condition.False(v1.LightningReasonOpening, "opening")
	decided.Stalled = &decided.Funded
	if got, _ := evaluate(in, decided); got.Ready.Reason != v1.LightningReasonSubsidyTooSmall || !got.Stalled.Met || got.Reconciling.Met {
		t.Errorf("%+v", got.Derived)
	}
	// The nodes come first.
	in.bitcoins[0].status.IP = ""
	if got, _ := evaluate(in, decided); got.Ready.Reason != v1.LightningReasonBitcoinNodeNotReady || got.Stalled.Met || !got.Reconciling.Met {
		t.Errorf("%+v", got.Derived)
	}
}
