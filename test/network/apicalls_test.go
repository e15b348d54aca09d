//go:build e2e

package network

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// leftAlone is the time for which the operator must send no request; STEADY_MINUTES overrides it.
func leftAlone(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("STEADY_MINUTES")
	if text == "" {
		return 90 * time.Second
	}
	minutes, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("STEADY_MINUTES is %q, and should be a number", text)
	}
	return time.Duration(minutes) * time.Minute
}

func TestANetworkThatIsLeftAloneCostsTheAPIServerNothing(t *testing.T) {
	skipIfShort(t)
	quiet := leftAlone(t)
	env := newEnvAtOnce(t)
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	n := network("idle", 3)
	// Without a CPU request nodes on a small machine may miss a probe or answer slowly, which the operator has to report. That is
	// not the subject here.
	n.Spec.Resources = &corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("200m")}}
	env.create(n)
	env.ready("idle", readyTimeout)
	counted := env.countRequests()
	// Requests of the operator are counted, or the rest would prove nothing.
	env.eventually("the API server to count what the operator does about a deleted Service", time.Minute, func() error {
		err := cluster.Core.CoreV1().Services(env.namespace).Delete(t.Context(), "idle-svc", metav1.DeleteOptions{})
		if err != nil {
			return err
		}
		env.eventually("the Service to be back", 20*time.Second, func() error {
			_, err := cluster.Core.CoreV1().Services(env.namespace).Get(t.Context(), "idle-svc", metav1.GetOptions{})
			return err
		})
		if counted() == 0 {
			return errors.New("it has counted none")
		}
		return nil
	})
	// A node that does not answer for some seconds, or is too busy to, has to be reported; then the time begins anew.
	for windows := 1; ; windows++ {
		w := env.window("idle", quiet, counted)
		if w.sent == 0 {
			t.Logf("no request in %s", w.took)
			break
		}
		slow := w.slowNodes()
		message := fmt.Sprintf("%s after it had settled, the operator sent %d requests; Ready was %s and is %s; of nodes it has reported %q",
			w.took, w.sent, w.was, env.readiness("idle"), slow)
		if slow == "" || windows == 3 {
			t.Fatal(message)
		}
		t.Log(message)
		env.ready("idle", readyTimeout)
	}
	env.ready("idle", time.Second)
}

// window is a time in which a network is left alone.
type window struct {
	// sent are the requests of the operator about it, after which the window ends, and took is how long it was.
	sent int
	took time.Duration
	// was is what Ready was at its start, and versions are those of the network since then.
	was      string
	versions watch.Interface
}

// window waits until a network has settled, and then for this time, or until the operator has sent requests.
func (env *testEnv) window(name string, quiet time.Duration, counted func() int) window {
	env.Helper()
	var settled *v1.BitcoinNetwork
	var since time.Time
	before := -1
	env.every(2*time.Second, "ten seconds without a request, as a network settles", time.Minute, func() error {
		if now := counted(); now != before {
			before, since, settled = now, time.Now(), env.get(name)
		}
		if left := 10*time.Second - time.Since(since); left > 0 {
			return fmt.Errorf("%s are left", left)
		}
		return nil
	})
	versions, err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).Watch(env.Context(), metav1.ListOptions{
		FieldSelector: "metadata.name=" + name, ResourceVersion: settled.ResourceVersion,
	})
	if err != nil {
		env.Fatal(err)
	}
	env.Cleanup(versions.Stop)
	w := window{was: readiness(settled), versions: versions}
	since = time.Now()
	env.every(5*time.Second, "the time to pass in which nothing is to happen", quiet+time.Minute, func() error {
		if w.sent = counted() - before; w.sent != 0 {
			return nil
		}
		if left := quiet - time.Since(since); left > 0 {
			return fmt.Errorf("%s are left", left)
		}
		return nil
	})
	w.took = time.Since(since).Round(time.Second)
	return w
}

// slowNodes is what the network has reported in the window, also of what has passed, of nodes that do not answer or are too busy to; "" for
// nothing. The requests that are counted may come before that of the status.
func (w window) slowNodes() string {
	defer w.versions.Stop()
	over := time.After(e2e.LimitFactor() * 10 * time.Second)
	for {
		select {
		case event, open := <-w.versions.ResultChan():
			if !open {
				return ""
			}
			version, ok := event.Object.(*v1.BitcoinNetwork)
			for i := 0; ok && i < len(version.Status.Conditions); i++ {
				c := version.Status.Conditions[i]
				if c.Type == v1.ConditionNodesReady && (c.Reason == v1.ReasonNodeNotAnswering || c.Reason == v1.ReasonRPCBusy) {
					return c.Message
				}
			}
		case <-over:
			return ""
		}
	}
}

// readiness describes condition Ready: its status, since when, and why.
func (env *testEnv) readiness(name string) string {
	env.Helper()
	return readiness(env.get(name))
}

func readiness(network *v1.BitcoinNetwork) string {
	ready := meta.FindStatusCondition(network.Status.Conditions, v1.ConditionReady)
	if ready == nil {
		return "missing"
	}
	return fmt.Sprintf("%s since %s (%s: %s)", ready.Status, ready.LastTransitionTime.Format(time.TimeOnly), ready.Reason, ready.Message)
}

// countRequests has the API server count the requests of the operator's account about this namespace, except watches: they get a
// flow of their own, and the server counts by flow. The function returns the number so far.
func (env *testEnv) countRequests() func() int {
	env.Helper()
	pod := operatorPods(env.T)[0]
	flow := "test-" + env.namespace
	schemas := cluster.Core.FlowcontrolV1().FlowSchemas()
	_, err := schemas.Create(env.Context(), &flowcontrolv1.FlowSchema{
		ObjectMeta: metav1.ObjectMeta{Name: flow},
		Spec: flowcontrolv1.FlowSchemaSpec{
			PriorityLevelConfiguration: flowcontrolv1.PriorityLevelConfigurationReference{Name: "workload-low"},
			MatchingPrecedence:         150,
			Rules: []flowcontrolv1.PolicyRulesWithSubjects{{
				Subjects: []flowcontrolv1.Subject{{
					Kind:           flowcontrolv1.SubjectKindServiceAccount,
					ServiceAccount: &flowcontrolv1.ServiceAccountSubject{Namespace: pod.Namespace, Name: pod.Spec.ServiceAccountName},
				}},
				ResourceRules: []flowcontrolv1.ResourcePolicyRule{{
					Verbs:     []string{"get", "list", "create", "update", "patch", "delete", "deletecollection"},
					APIGroups: []string{"*"}, Resources: []string{"*"}, Namespaces: []string{env.namespace},
				}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		env.Fatal(err)
	}
	env.Cleanup(func() {
		if err := schemas.Delete(context.Background(), flow, metav1.DeleteOptions{}); err != nil {
			env.Errorf("delete the FlowSchema %s: %v", flow, err)
		}
	})
	return func() int {
		env.Helper()
		text, err := cluster.Core.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(env.Context())
		if err != nil {
			env.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			labels, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
			if strings.HasPrefix(labels, "apiserver_flowcontrol_dispatched_requests_total{") && strings.Contains(labels, `flow_schema="`+flow+`"`) {
				number, err := strconv.ParseFloat(value, 64)
				if err != nil {
					env.Fatal(err)
				}
				return int(number)
			}
		}
		return 0
	}
}
