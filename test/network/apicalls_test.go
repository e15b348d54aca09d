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

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// leftAlone is how long the operator is watched for doing nothing; STEADY_MINUTES makes it longer.
func leftAlone(t *testing.T) time.Duration {
	t.Helper()
	asked := os.Getenv("STEADY_MINUTES")
	if asked == "" {
		return 90 * time.Second
	}
	minutes, err := strconv.Atoi(asked)
	if err != nil {
		t.Fatalf("STEADY_MINUTES is %q, and should be a number", asked)
	}
	return time.Duration(minutes) * time.Minute
}

func TestANetworkThatIsLeftAloneCostsTheAPIServerNothing(t *testing.T) {
	long(t)
	quiet := leftAlone(t)
	l := newLabAtOnce(t)
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	n := network("idle", 3)
	// Whoever asks for no CPU gets what others leave. That nodes on a machine that is too small do miss a probe, or answer late,
	// has to be told of; it is not what this is about.
	n.Spec.Resources = &corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("200m")}}
	l.create(n)
	l.ready("idle", patience)
	counted := l.countRequests()
	// What the operator has to do is counted, or the rest would prove nothing.
	l.eventually("the API server to count what the operator does about a deleted Service", time.Minute, func() error {
		err := cluster.core.CoreV1().Services(l.namespace).Delete(t.Context(), "idle-svc", metav1.DeleteOptions{})
		if err != nil {
			return err
		}
		l.eventually("the Service to be back", 20*time.Second, func() error {
			_, err := cluster.core.CoreV1().Services(l.namespace).Get(t.Context(), "idle-svc", metav1.GetOptions{})
			return err
		})
		if counted() == 0 {
			return errors.New("it has counted none")
		}
		return nil
	})
	before, since := counted(), time.Now()
	l.every(2*time.Second, "ten seconds without a request, as a network settles", time.Minute, func() error {
		if now := counted(); now != before {
			before, since = now, time.Now()
		}
		if left := 10*time.Second - time.Since(since); left > 0 {
			return fmt.Errorf("%s are left", left)
		}
		return nil
	})
	since = time.Now()
	was := l.readiness("idle")
	l.every(5*time.Second, "the time to pass in which nothing is to happen", quiet+time.Minute, func() error {
		if now := counted(); now != before {
			t.Fatalf("%s after it had settled, the operator made %d requests; Ready was %s and is %s", time.Since(since), now-before, was, l.readiness("idle"))
		}
		if left := quiet - time.Since(since); left > 0 {
			return fmt.Errorf("%s are left", left)
		}
		return nil
	})
	l.ready("idle", time.Second)
	t.Logf("no request in %s", time.Since(since).Round(time.Second))
}

// readiness says what condition Ready is, why, and since when.
func (l *lab) readiness(name string) string {
	l.Helper()
	ready := meta.FindStatusCondition(l.get(name).Status.Conditions, v1.ConditionReady)
	if ready == nil {
		return "not there"
	}
	return fmt.Sprintf("%s since %s (%s: %s)", ready.Status, ready.LastTransitionTime.Format(time.TimeOnly), ready.Reason, ready.Message)
}

// countRequests has the API server count what the operator's account asks of it about this namespace, watches apart: they
// get a flow of their own, and the server counts by flow. The function returns the number so far.
func (l *lab) countRequests() func() int {
	l.Helper()
	pod := operatorPods(l.T)[0]
	flow := "test-" + l.namespace
	schemas := cluster.core.FlowcontrolV1().FlowSchemas()
	_, err := schemas.Create(l.Context(), &flowcontrolv1.FlowSchema{
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
					APIGroups: []string{"*"}, Resources: []string{"*"}, Namespaces: []string{l.namespace},
				}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() {
		if err := schemas.Delete(context.Background(), flow, metav1.DeleteOptions{}); err != nil {
			l.Errorf("delete the FlowSchema %s: %v", flow, err)
		}
	})
	return func() int {
		l.Helper()
		text, err := cluster.core.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(l.Context())
		if err != nil {
			l.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			labels, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
			if strings.HasPrefix(labels, "apiserver_flowcontrol_dispatched_requests_total{") && strings.Contains(labels, `flow_schema="`+flow+`"`) {
				number, err := strconv.ParseFloat(value, 64)
				if err != nil {
					l.Fatal(err)
				}
				return int(number)
			}
		}
		return 0
	}
}
