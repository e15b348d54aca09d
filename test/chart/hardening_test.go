package chart_test

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	psa "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The very checks of the admission controller, at the level restricted.
func TestPodsAreRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := psa.LevelVersion{Level: psa.LevelRestricted, Version: psa.LatestVersion()}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for what, pod := range pods(t, c.release.objects(t, c.values)) {
				result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
				if !result.Allowed {
					t.Errorf("%s: %s (%s)", what, result.ForbiddenReason(), result.ForbiddenDetail())
				}
				for _, container := range pod.Spec.Containers {
					sc := container.SecurityContext
					if sc == nil || sc.ReadOnlyRootFilesystem == nil || !*sc.ReadOnlyRootFilesystem {
						t.Errorf("%s: container %s may write to its root file system", what, container.Name)
					}
					if container.Resources.Requests.Memory().IsZero() || container.Resources.Limits.Memory().IsZero() {
						t.Errorf("%s: container %s has no request or limit of memory", what, container.Name)
					}
				}
			}
		})
	}
}

// A token is mounted where it is used, and a service account does not hand it to pods that do not ask.
func TestTokensAreMountedOnlyWhereNeeded(t *testing.T) {
	for _, u := range (release{}).objects(t, "") {
		if u.GetKind() == "ServiceAccount" {
			account := as[corev1.ServiceAccount](t, u)
			if account.AutomountServiceAccountToken == nil || *account.AutomountServiceAccountToken {
				t.Errorf("%s hands its token to every pod", id(u))
			}
		}
	}
}

// No pod that the chart renders is selected by accident: the operator's selector finds the operator only, and the policy
// for networks finds nothing of the chart.
func TestSelectorsFindWhatTheyShould(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			objects := c.release.objects(t, c.values)
			all := pods(t, objects)
			for _, u := range objects {
				var selector *metav1.LabelSelector
				want := []string{"Deployment"}
				if strings.HasSuffix(u.GetName(), "-page") {
					want = []string{"Deployment of the page"}
				}
				switch u.GetKind() {
				case "Deployment":
					selector = as[appsv1.Deployment](t, u).Spec.Selector
				case "Service":
					selector = &metav1.LabelSelector{MatchLabels: as[corev1.Service](t, u).Spec.Selector}
				case "PodDisruptionBudget":
					labels, _, _ := unstructured.NestedStringMap(u.Object, "spec", "selector", "matchLabels")
					selector = &metav1.LabelSelector{MatchLabels: labels}
				case "NetworkPolicy":
					selector = &as[networkingv1.NetworkPolicy](t, u).Spec.PodSelector
					if strings.HasSuffix(u.GetName(), "-networks") || strings.HasSuffix(u.GetName(), "-lightning") {
						want = nil
					}
				default:
					continue
				}
				s, err := metav1.LabelSelectorAsSelector(selector)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for what, pod := range all {
					if s.Matches(labels.Set(pod.Labels)) {
						got = append(got, what)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s selects the pods of %v, want %v", id(u), got, want)
				}
			}
		})
	}
}

// The labels that the operator gives to the pods of networks.
func TestPolicyForNetworksFindsTheirPods(t *testing.T) {
	u := find(t, release{}.objects(t, "networkPolicy: {networks: {enabled: true}}"), "NetworkPolicy", "bitcoin-controller-networks")
	spec := as[networkingv1.NetworkPolicy](t, u).Spec
	selector, err := metav1.LabelSelectorAsSelector(&spec.PodSelector)
	if err != nil {
		t.Fatal(err)
	}
	if pod := nodeLabels("my-network"); !selector.Matches(pod) {
		t.Errorf("%s does not select a node's pod with the labels %v", selector, pod)
	}
	operator := pods(t, release{}.objects(t, ""))["Deployment"]
	from, err := metav1.LabelSelectorAsSelector(spec.Ingress[1].From[0].PodSelector)
	if err != nil {
		t.Fatal(err)
	}
	if !from.Matches(labels.Set(operator.Labels)) {
		t.Errorf("the operator, with the labels %v, cannot reach the nodes", operator.Labels)
	}
}

// Peers that are let in reach every port of a node, those of spec.zmq too, whichever place it has in its pod.
func TestPolicyForNetworksHasTheirPorts(t *testing.T) {
	u := find(t, release{}.objects(t, "networkPolicy: {networks: {enabled: true, from: [{podSelector: {}}]}}"), "NetworkPolicy", "bitcoin-controller-networks")
	ingress := as[networkingv1.NetworkPolicy](t, u).Spec.Ingress
	allows := func(rule int, port int32) bool {
		return slices.ContainsFunc(ingress[rule].Ports, func(p networkingv1.NetworkPolicyPort) bool {
			return p.Port.IntVal <= port && port <= ptr.Deref(p.EndPort, p.Port.IntVal)
		})
	}
	n := &v1.BitcoinNetwork{Spec: v1.BitcoinNetworkSpec{ZMQ: &v1.ZMQ{}}}
	settings := resources.Settings{Credential: func(*v1.BitcoinNetwork) bitcoind.Credential { return bitcoind.Credential{} }}
	ports := resources.Build(n, settings)[0].(*corev1.Service).Spec.Ports
	for _, port := range ports {
		for slot := range int32(v1.MaxNodesPerPod) {
			at := v1.PortInSlot(port.Port, slot)
			if nodes, operator := allows(0, at), allows(1, at); !allows(2, at) || port.Name == "p2p" && !nodes || port.Name == "rpc" && !operator {
				t.Fatalf("port %d of %s in slot %d: nodes %v, the operator %v, peers %v", at, port.Name, slot, nodes, operator, allows(2, at))
			}
		}
	}
	if len(ports) != 7 || !allows(1, api.Port) || allows(0, api.Port) || allows(2, api.Port) {
		t.Errorf("the supervisor is not for the operator alone, or %d ports are not those of a node", len(ports))
	}
}

// Ports and probes go by names, which must exist.
func TestPortsExist(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			objects := c.release.objects(t, c.values)
			all := pods(t, objects)
			ports := map[string]map[string]int32{} // by pod
			for what, pod := range all {
				container := pod.Spec.Containers[0]
				ports[what] = map[string]int32{}
				for _, port := range container.Ports {
					ports[what][port.Name] = port.ContainerPort
				}
				if what == "Pod" { // that of helm test ends by itself
					continue
				}
				for _, probe := range []*corev1.Probe{container.LivenessProbe, container.ReadinessProbe} {
					if probe == nil || ports[what][probe.HTTPGet.Port.StrVal] == 0 {
						t.Errorf("%s: a probe uses a port that does not exist: %v", what, probe)
					}
				}
			}
			for _, u := range objects {
				if u.GetKind() != "Service" {
					continue
				}
				what := "Deployment"
				if strings.HasSuffix(u.GetName(), "-page") {
					what = "Deployment of the page"
				}
				for _, port := range as[corev1.Service](t, u).Spec.Ports {
					if ports[what][port.TargetPort.StrVal] == 0 {
						t.Errorf("%s leads to a port that does not exist: %v", id(u), port.TargetPort)
					}
				}
			}
		})
	}
}

// pods are the pods that the objects make, by the kind of what makes them.
func pods(t testing.TB, objects []*unstructured.Unstructured) map[string]*corev1.Pod {
	t.Helper()
	out := map[string]*corev1.Pod{}
	for _, u := range objects {
		switch u.GetKind() {
		case "Deployment":
			template := as[appsv1.Deployment](t, u).Spec.Template
			what := "Deployment"
			if strings.HasSuffix(u.GetName(), "-page") {
				what = "Deployment of the page"
			}
			out[what] = &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
		case "Pod":
			out["Pod"] = as[corev1.Pod](t, u)
		}
	}
	return out
}
