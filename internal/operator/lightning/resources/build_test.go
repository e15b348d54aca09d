package resources

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	podsecurityapi "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

var update = flag.Bool("update", false, "write the golden files")

// settingsFor the case of this name.
func settingsFor(name string) Settings {
	return Settings{
		Image: "lnd:1", Delivery: resources.RPCAuthDelivery{Image: "operator:1", Volume: !strings.HasSuffix(name, "init-container")},
		Credential: func(n *v1.LightningNetwork) bitcoind.Credential {
			return bitcoind.DeriveCredential([]byte("a master key of thirty-two bytes"), string(n.UID))
		},
	}
}

func lightning(change func(*v1.LightningNetworkSpec)) *v1.LightningNetwork {
	n := &v1.LightningNetwork{
		ObjectMeta: metav1.ObjectMeta{Name: "my-lightning", Namespace: "default", UID: "1234"},
		Spec:       v1.LightningNetworkSpec{BitcoinNetwork: "my-network", Nodes: 2},
	}
	change(&n.Spec)
	return n
}

func bitcoin(change func(*v1.BitcoinNetworkSpec)) *v1.BitcoinNetwork {
	n := &v1.BitcoinNetwork{
		ObjectMeta: metav1.ObjectMeta{Name: "my-network", Namespace: "default", UID: "5678"}, Spec: v1.BitcoinNetworkSpec{Nodes: 3},
	}
	change(&n.Spec)
	return n
}

// networks are the cases: a LightningNetwork and its BitcoinNetwork.
var networks = map[string]struct {
	lightning *v1.LightningNetwork
	bitcoin   *v1.BitcoinNetwork
}{
	"minimal":        {lightning(func(*v1.LightningNetworkSpec) {}), bitcoin(func(*v1.BitcoinNetworkSpec) {})},
	"init-container": {lightning(func(s *v1.LightningNetworkSpec) { s.Nodes = 1 }), bitcoin(func(s *v1.BitcoinNetworkSpec) { s.ZMQ = &v1.ZMQ{} })},
	"exposed": {lightning(func(s *v1.LightningNetworkSpec) {
		s.Nodes, s.Secret = 1, "lnd-tls"
		s.Expose = &v1.LightningExpose{Type: v1.ExposeNodePort, Hosts: []v1.LightningHost{"lnd.example.com", "192.0.2.1"}}
	}), nil},
	"no-bitcoin": {lightning(func(s *v1.LightningNetworkSpec) { s.Nodes = 1 }), nil},
	"all-fields": {
		lightning(func(s *v1.LightningNetworkSpec) {
			s.Nodes, s.Image, s.Alias = 1, "registry.example.com/lnd:0.21.0", "Team"
			s.Config = v1.LightningConfig{"bitcoin.feerate": "10", "debuglevel": "debug", "rpclisten": "0.0.0.0:1"}
			s.Storage = &v1.LightningStorage{Size: ptr.To(resource.MustParse("2Gi")), StorageClassName: ptr.To("fast"), RetentionPolicy: v1.RetentionDelete}
			s.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}}
			s.NodeSelector, s.Tolerations = map[string]string{"disk": "fast"}, []corev1.Toleration{{Key: "team", Operator: corev1.TolerationOpExists}}
			s.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry"}}
		}),
		bitcoin(func(s *v1.BitcoinNetworkSpec) { s.NodesPerPod, s.ZMQ = 4, &v1.ZMQ{} }),
	},
}

func build(name string) []client.Object {
	n := networks[name]
	return Build(n.lightning, n.bitcoin, settingsFor(name))
}

func TestObjects(t *testing.T) {
	for name := range networks {
		t.Run(name, func(t *testing.T) {
			var text strings.Builder
			for _, object := range build(name) {
				raw, err := yaml.Marshal(object)
				if err != nil {
					t.Fatal(err)
				}
				text.WriteString("---\n" + string(raw))
			}
			testtools.Golden(t, filepath.Join("testdata", name+".yaml"), text.String(), *update)
		})
	}
}

// find returns the object of this kind and name.
func find[T client.Object](t *testing.T, objects []client.Object, name string) T {
	t.Helper()
	for _, object := range objects {
		if found, ok := object.(T); ok && object.GetName() == name {
			return found
		}
	}
	t.Fatalf("no %T %s", *new(T), name)
	return *new(T)
}

func set(t *testing.T, objects []client.Object) *appsv1.StatefulSet {
	return find[*appsv1.StatefulSet](t, objects, "my-lightning-lnd")
}

func TestPodsMeetTheRestrictedStandardAndGetNoToken(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := podsecurityapi.LevelVersion{Level: podsecurityapi.LevelRestricted, Version: podsecurityapi.LatestVersion()}
	for name := range networks {
		template := set(t, build(name)).Spec.Template
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec))
		if !result.Allowed {
			t.Errorf("%s: %s", name, result.ForbiddenDetail())
		}
		if mount := template.Spec.AutomountServiceAccountToken; mount == nil || *mount {
			t.Errorf("%s: it gets a service account token", name)
		}
	}
}

// A scaled network, and one whose BitcoinNetwork changes, restarts no LND: one without storage would lose its channels.
func TestOnlyTheSpecOfTheNodesChangesTheirTemplate(t *testing.T) {
	template := func(change func(*v1.LightningNetworkSpec), b *v1.BitcoinNetwork) string {
		raw, err := yaml.Marshal(set(t, Build(lightning(change), b, settingsFor("minimal"))).Spec.Template)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	first := template(func(*v1.LightningNetworkSpec) {}, bitcoin(func(*v1.BitcoinNetworkSpec) {}))
	for name, other := range map[string]string{
		"scaled":   template(func(s *v1.LightningNetworkSpec) { s.Nodes = 64 }, bitcoin(func(*v1.BitcoinNetworkSpec) {})),
		"channels": template(func(s *v1.LightningNetworkSpec) { s.Channels = []v1.LightningChannel{{To: 1, Capacity: 20000}} }, bitcoin(func(*v1.BitcoinNetworkSpec) {})),
		"ZMQ":      template(func(*v1.LightningNetworkSpec) {}, bitcoin(func(s *v1.BitcoinNetworkSpec) { s.ZMQ = &v1.ZMQ{} })),
		"none":     template(func(*v1.LightningNetworkSpec) {}, nil),
		"exposed": template(func(s *v1.LightningNetworkSpec) {
			s.Expose = &v1.LightningExpose{Type: v1.ExposeNodePort, Hosts: []v1.LightningHost{"lnd.example.com"}}
		}, nil),
	} {
		if other != first {
			t.Errorf("%s: the nodes would restart", name)
		}
	}
	rotated := settingsFor("minimal")
	rotated.Credential = func(n *v1.LightningNetwork) bitcoind.Credential {
		return bitcoind.DeriveCredential([]byte("another key of thirty-two bytes."), string(n.UID))
	}
	// The agent reads the credential at each request.
	if raw, err := yaml.Marshal(set(t, Build(lightning(func(*v1.LightningNetworkSpec) {}), nil, rotated)).Spec.Template); err != nil || string(raw) != first {
		t.Errorf("another master key: the nodes would restart (%v)", err)
	}
	if template(func(s *v1.LightningNetworkSpec) { s.Config = v1.LightningConfig{"bitcoin.feerate": "10"} }, nil) == first {
		t.Error("another option would not restart the nodes")
	}
	secret := func(name string) string { return template(func(s *v1.LightningNetworkSpec) { s.Secret = name }, nil) }
	if secret("a") == first || secret("a") == secret("b") {
		t.Error("another Secret would not restart the nodes")
	}
}

func TestANetworkThatIsScaledTo0KeepsItsClaims(t *testing.T) {
	for _, test := range []struct {
		nodes  int32
		policy v1.RetentionPolicy
		scaled string
	}{{3, v1.RetentionDelete, "Delete"}, {0, v1.RetentionDelete, "Retain"}, {3, v1.RetentionRetain, "Retain"}, {0, v1.RetentionRetain, "Retain"}} {
		n := lightning(func(s *v1.LightningNetworkSpec) {
			s.Nodes, s.Storage = test.nodes, &v1.LightningStorage{RetentionPolicy: test.policy}
		})
		got := set(t, Build(n, nil, settingsFor("minimal"))).Spec.PersistentVolumeClaimRetentionPolicy
		if string(got.WhenScaled) != test.scaled || string(got.WhenDeleted) != string(test.policy) {
			t.Errorf("%d nodes, %s: %+v", test.nodes, test.policy, *got)
		}
	}
}

// An upgrade of the operator must be able to keep the pods as they are.
func TestTheDeliveryIsReadFromTheStatefulSet(t *testing.T) {
	for _, name := range []string{"minimal", "init-container"} {
		if got, found := resources.RPCAuthDeliveryOf(set(t, build(name))); !found || got != settingsFor(name).Delivery {
			t.Errorf("%s: %+v %v, want %+v", name, got, found, settingsFor(name).Delivery)
		}
	}
}

func TestNoObjectHasAPassword(t *testing.T) {
	for name, n := range networks {
		raw, err := yaml.Marshal(build(name))
		if err != nil {
			t.Fatal(err)
		}
		if password := settingsFor(name).Credential(n.lightning).Password; strings.Contains(string(raw), password) {
			t.Errorf("%s: an object has the operator's password", name)
		}
	}
}
