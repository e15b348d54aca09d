package apiserver_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// kstatus is what Helm 4 and Flux make of a network's status.
func kstatus(t *testing.T, network *v1.BitcoinNetwork) *status.Result {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(network)
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{Object: fields}
	object.SetGroupVersionKind(v1.SchemeGroupVersion.WithKind("BitcoinNetwork"))
	result, err := status.Compute(object)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestKstatusWaitsForTheFirstReconcile(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1})
	// As a client without the types of the operator sees it.
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(v1.SchemeGroupVersion.WithKind("BitcoinNetwork"))
	net.Read("net", object)
	if observed, found, err := unstructured.NestedInt64(object.Object, "status", "observedGeneration"); observed != -1 || !found || err != nil {
		t.Errorf("before the first reconcile the status is %v, want observedGeneration -1", object.Object["status"])
	}
	if result, err := status.Compute(object); err != nil || result.Status != status.InProgressStatus {
		t.Errorf("kstatus returns %v, %v, want InProgress", result, err)
	}
	record := net.Record()
	ns.StartOperator(apiserver.OperatorOptions{})
	ready := net.WaitReady()
	if result := kstatus(t, ready); result.Status != status.CurrentStatus {
		t.Errorf("kstatus returns %s of a network that is Ready: %s", result.Status, result.Message)
	}
	versions := net.Until(record, ready.ResourceVersion)
	wantNever(t, versions, status.FailedStatus)
	wantNever(t, versions[:len(versions)-1], status.CurrentStatus)
}

// A network without nodes is as specified, and nobody has to wait for it.
func TestKstatusOfANetworkWithoutNodesIsCurrent(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	ns.StartOperator(apiserver.OperatorOptions{})
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 0})
	if result := kstatus(t, net.WaitReady()); result.Status != status.CurrentStatus {
		t.Errorf("kstatus returns %s: %s", result.Status, result.Message)
	}
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 1 })
	net.WaitReady()
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 0 })
	if result := kstatus(t, net.WaitReady()); result.Status != status.CurrentStatus {
		t.Errorf("kstatus returns %s of a network that is scaled to 0: %s", result.Status, result.Message)
	}
}

// wantNever checks that no version of a network had this status.
func wantNever(t *testing.T, versions []v1.BitcoinNetwork, unwanted status.Status) {
	t.Helper()
	for i := range versions {
		if result := kstatus(t, &versions[i]); result.Status == unwanted {
			t.Errorf("version %d of %d, generation %d, is %s: %s", i+1, len(versions), versions[i].Generation, unwanted, result.Message)
		}
	}
}

func TestANetworkThatIsPutRightIsNotFailed(t *testing.T) {
	t.Parallel()
	const wrong = "nowhere.example/x"
	for name, c := range map[string]struct {
		break_ func(*v1.BitcoinNetworkSpec)
		report apiserver.Report
	}{
		"image": {func(s *v1.BitcoinNetworkSpec) { s.Image = wrong }, apiserver.WithImage(wrong, apiserver.Waiting("ImagePullBackOff", "Back-off pulling image"))},
		"Secret": {func(s *v1.BitcoinNetworkSpec) { s.Secret, s.Image = "missing", wrong },
			apiserver.WithImage(wrong, apiserver.Waiting("CreateContainerConfigError", `secret "missing" not found`))},
		"configuration": {func(s *v1.BitcoinNetworkSpec) { s.Config, s.Image = v1.Config{"maxmempool": "1"}, wrong },
			apiserver.WithImage(wrong, apiserver.Crashing(1, "Error: -maxmempool must be at least 5 MB"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := apiserver.NewNamespace(t)
			clock := &apiserver.Clock{}
			ns.Report(c.report)
			ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Now: clock.Now})
			spec := v1.BitcoinNetworkSpec{Nodes: 2}
			c.break_(&spec)
			net := ns.Create("net", spec)
			net.WaitCondition(v1.ConditionNodesReady, metav1.ConditionFalse, "")
			clock.Advance(20 * time.Second)
			stalled := net.WaitCondition(v1.ConditionStalled, metav1.ConditionTrue, "")
			if result := kstatus(t, stalled); result.Status != status.FailedStatus {
				t.Errorf("kstatus returns %s of a stalled network", result.Status)
			}
			record := net.Record()
			net.Update(func(n *v1.BitcoinNetwork) { n.Spec = v1.BitcoinNetworkSpec{Nodes: 2} })
			ready := net.WaitReady()
			var corrected []v1.BitcoinNetwork
			for _, version := range net.Until(record, ready.ResourceVersion) {
				if version.Generation == ready.Generation {
					corrected = append(corrected, version)
				}
			}
			wantNever(t, corrected, status.FailedStatus)
			wantNever(t, corrected[:len(corrected)-1], status.CurrentStatus)
		})
	}
}

func TestWhatPassesByItselfIsNotStalledForFifteenSeconds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		report apiserver.Report
		reason string
	}{
		"a machine":  {apiserver.Unschedulable("0/1 nodes are available"), v1.ReasonUnschedulable},
		"a volume":   {apiserver.Unschedulable("pod has unbound immediate PersistentVolumeClaims"), v1.ReasonUnschedulable},
		"a Secret":   {apiserver.Waiting("CreateContainerConfigError", `secret "later" not found`), v1.ReasonSecretMissing},
		"a registry": {apiserver.Waiting("ErrImagePull", "connection refused"), v1.ReasonImageUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := apiserver.NewNamespace(t)
			clock := &apiserver.Clock{}
			ns.Report(c.report)
			ns.StartOperator(apiserver.OperatorOptions{PollInterval: fast, Now: clock.Now})
			net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1})
			record := net.Record()
			waits := net.WaitCondition(v1.ConditionNodesReady, metav1.ConditionFalse, c.reason)
			wantNever(t, net.Until(record, waits.ResourceVersion), status.FailedStatus)
			clock.Advance(20 * time.Second)
			stalled := net.WaitCondition(v1.ConditionStalled, metav1.ConditionTrue, c.reason)
			settled(t, stalled)
			ns.Report(nil)
			net.WaitReady()
		})
	}
}

// settled checks that no condition of a stalled network reports that it is as specified.
func settled(t *testing.T, stalled *v1.BitcoinNetwork) {
	t.Helper()
	for _, c := range stalled.Status.Conditions {
		if c.Type == v1.ConditionReconciling && (c.Status != metav1.ConditionFalse || c.Reason == v1.ReasonSettled) {
			t.Errorf("Reconciling of a stalled network is %s, %s: %s", c.Status, c.Reason, c.Message)
		}
		if c.Type == v1.ConditionReady && c.Status != metav1.ConditionFalse {
			t.Error(fmt.Sprint("a stalled network is Ready: ", c.Message))
		}
	}
}
