//go:build e2e

package network

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// siege is every version of a network since one of its nodes began to be kept busy.
type siege struct {
	*testEnv
	name, node string
	before     metav1.Condition

	mu       sync.Mutex
	versions []*v1.BitcoinNetwork
}

// besiege starts to record a network that is ready, one of whose nodes is about to be kept busy.
func (env *testEnv) besiege(name, node string) *siege {
	env.Helper()
	first := env.get(name)
	watching, err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).Watch(env.Context(), metav1.ListOptions{
		FieldSelector: "metadata.name=" + name, ResourceVersion: first.ResourceVersion,
	})
	if err != nil {
		env.Fatal(err)
	}
	env.Cleanup(watching.Stop)
	s := &siege{testEnv: env, name: name, node: node, versions: []*v1.BitcoinNetwork{first}}
	if ready := meta.FindStatusCondition(first.Status.Conditions, v1.ConditionReady); ready != nil {
		s.before = *ready
	}
	go func() {
		for event := range watching.ResultChan() {
			if version, ok := event.Object.(*v1.BitcoinNetwork); ok {
				s.mu.Lock()
				s.versions = append(s.versions, version)
				s.mu.Unlock()
			}
		}
	}()
	return s
}

// until returns the versions up to this one, which it waits for.
func (s *siege) until(resourceVersion string) (list []*v1.BitcoinNetwork) {
	s.Helper()
	s.eventually("the watch to have version "+resourceVersion+" of the network", 20*time.Second, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		at := slices.IndexFunc(s.versions, func(v *v1.BitcoinNetwork) bool { return v.ResourceVersion == resourceVersion })
		if at < 0 {
			return fmt.Errorf("it has %d others", len(s.versions))
		}
		list = slices.Clone(s.versions[:at+1])
		return nil
	})
	return list
}

// stayedReady checks that the network was ready in each version, and lost no node. On a machine with two cores the calls to the busy node may
// leave so little for another one that this one answers too slowly, which the operator has to report.
func (s *siege) stayedReady() {
	s.Helper()
	last, slowOthers := s.get(s.name), 0
	for i, version := range s.until(last.ResourceVersion) {
		switch ready := meta.FindStatusCondition(version.Status.Conditions, v1.ConditionReady); {
		case ready == nil:
			s.Errorf("version %d has no condition Ready", i+1)
		case ready.Status == metav1.ConditionTrue:
		case onlyOthersAreSlow(ready, version.Status.Nodes, s.node):
			slowOthers++
			s.Logf("version %d does not count: %s", i+1, ready.Message)
		default:
			s.Errorf("version %d, while %s was busy: %s, %s", i+1, s.node, ready.Reason, ready.Message)
		}
	}
	after := meta.FindStatusCondition(last.Status.Conditions, v1.ConditionReady)
	if slowOthers == 0 && !after.LastTransitionTime.Equal(&s.before.LastTransitionTime) {
		s.Errorf("Ready was %s since %s and is %s since %s: %s", s.before.Status, s.before.LastTransitionTime, after.Status, after.LastTransitionTime, after.Message)
	}
	for _, note := range s.eventNotes(s.name, "NodeLost") {
		if slowOthers == 0 || strings.Contains(note, s.node) {
			s.Errorf("event: %s", note)
		}
	}
}

// onlyOthersAreSlow is whether a network is not ready since other nodes than this one do not answer.
func onlyOthersAreSlow(ready *metav1.Condition, nodes []v1.NodeStatus, busy string) bool {
	return ready.Reason == v1.ReasonNodeNotAnswering && !strings.Contains(ready.Message, busy) && slices.ContainsFunc(nodes, func(n v1.NodeStatus) bool {
		return strings.Contains(ready.Message, n.PodName)
	})
}
