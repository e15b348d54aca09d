package resources

import (
	"flag"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	podsecurityapi "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

var update = flag.Bool("update", false, "write the golden files")

func settings() Settings {
	return Settings{
		NodeImage: "nodes:1", RPCAuth: RPCAuthDelivery{Image: "operator:1", Volume: true},
		Credential: func(n *v1.BitcoinNetwork) bitcoind.Credential {
			return bitcoind.DeriveCredential([]byte("a master key of thirty-two bytes"), string(n.UID))
		},
	}
}

// settingsFor the network of this name in networks.
func settingsFor(name string) Settings {
	s := settings()
	s.RPCAuth.Volume = !strings.HasSuffix(name, "init-container")
	s.EarlierNodes = strings.HasPrefix(name, "earlier-")
	s.RPCAuth.OperatorImage = s.EarlierNodes
	if name == "lightning" {
		s.Lightning = func(n *v1.BitcoinNetwork) bitcoind.Credential {
			return bitcoind.DeriveLightningCredential([]byte("a master key of thirty-two bytes"), string(n.UID))
		}
	}
	return s
}

func network(change func(*v1.BitcoinNetworkSpec)) *v1.BitcoinNetwork {
	n := &v1.BitcoinNetwork{
		ObjectMeta: metav1.ObjectMeta{Name: "my-network", Namespace: "default", UID: "1234"},
		Spec:       v1.BitcoinNetworkSpec{Nodes: 3},
	}
	change(&n.Spec)
	return n
}

var networks = map[string]*v1.BitcoinNetwork{
	"minimal":        network(func(s *v1.BitcoinNetworkSpec) { s.Secret = "bitcoin-default-secret" }),
	"init-container": network(func(s *v1.BitcoinNetworkSpec) { s.Secret = "bitcoin-default-secret" }),
	// The objects of earlier releases, byte for byte: an upgrade restarts no node.
	"earlier-volume":         network(func(s *v1.BitcoinNetworkSpec) { s.Secret = "bitcoin-default-secret" }),
	"earlier-init-container": network(func(s *v1.BitcoinNetworkSpec) { s.Secret = "bitcoin-default-secret" }),
	"storage": network(func(s *v1.BitcoinNetworkSpec) {
		s.Storage = &v1.Storage{Size: ptr.To(resource.MustParse("2Gi")), StorageClassName: ptr.To("fast"), RetentionPolicy: v1.RetentionRetain}
	}),
	"groups": network(func(s *v1.BitcoinNetworkSpec) {
		s.Config = v1.Config{"txindex": "1"}
		s.Groups = []v1.Group{{Name: "old", Nodes: 2, Image: "old:1", Config: v1.Config{"par": "2"}, ConfigLists: v1.ConfigLists{"debug": {"net", "mempool"}}}, {Name: "plain", Nodes: 1}}
		s.Expose = &v1.Expose{Type: v1.ExposeNodePort}
	}),
	"zmq": network(func(s *v1.BitcoinNetworkSpec) {
		s.Nodes, s.ZMQ, s.Expose = 1, &v1.ZMQ{}, &v1.Expose{Type: v1.ExposeClusterIP, PerNode: true}
		s.Groups = []v1.Group{{Name: "b", Nodes: 1}}
	}),
	"packed": network(func(s *v1.BitcoinNetworkSpec) {
		s.NodesPerPod, s.Nodes, s.Secret, s.ZMQ = 4, 6, "bitcoin-default-secret", &v1.ZMQ{}
		s.Groups, s.Expose = []v1.Group{{Name: "b", Nodes: 1}}, &v1.Expose{Type: v1.ExposeClusterIP, PerNode: true}
		s.Storage = &v1.Storage{RetentionPolicy: v1.RetentionDelete}
		s.Resources = &corev1.ResourceRequirements{Requests: Quantities("50m", "100Mi"), Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("200Mi")}}
	}),
	"packed-init-container": network(func(s *v1.BitcoinNetworkSpec) {
		s.NodesPerPod, s.Nodes, s.Expose = 2, 4, &v1.Expose{Type: v1.ExposeNodePort}
	}),
	"packed-secret-init-container": network(func(s *v1.BitcoinNetworkSpec) { s.NodesPerPod, s.Secret = 250, "bitcoin-default-secret" }),
	"lightning":                    network(func(s *v1.BitcoinNetworkSpec) { s.Nodes, s.ZMQ = 1, &v1.ZMQ{} }),
	"per-node": network(func(s *v1.BitcoinNetworkSpec) {
		s.Nodes, s.Expose = 2, &v1.Expose{Type: v1.ExposeLoadBalancer, PerNode: true}
	}),
}

func TestObjects(t *testing.T) {
	for name, n := range networks {
		t.Run(name, func(t *testing.T) {
			var text strings.Builder
			for _, object := range Build(n, settingsFor(name)) {
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

func templates(t *testing.T, name string, n *v1.BitcoinNetwork) []corev1.PodTemplateSpec {
	t.Helper()
	var list []corev1.PodTemplateSpec
	for _, object := range Build(n, settingsFor(name)) {
		if set, ok := object.(*appsv1.StatefulSet); ok {
			list = append(list, set.Spec.Template)
		}
	}
	if len(list) == 0 {
		t.Fatal("no StatefulSet")
	}
	return list
}

func TestPodsMeetTheRestrictedStandard(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := podsecurityapi.LevelVersion{Level: podsecurityapi.LevelRestricted, Version: podsecurityapi.LatestVersion()}
	for name, n := range networks {
		for _, template := range templates(t, name, n) {
			result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec))
			if !result.Allowed {
				t.Errorf("%s: %s", name, result.ForbiddenDetail())
			}
		}
	}
}

func TestNoPodGetsAServiceAccountToken(t *testing.T) {
	for name, n := range networks {
		for _, template := range templates(t, name, n) {
			if mount := template.Spec.AutomountServiceAccountToken; mount == nil || *mount {
				t.Errorf("%s: it gets a service account token", name)
			}
		}
	}
}

func TestScalingChangesNoPodTemplate(t *testing.T) {
	small, large := *networks["minimal"], *networks["minimal"]
	large.Spec.Nodes = 400
	one, err := yaml.Marshal(templates(t, "minimal", &small)[0])
	if err != nil {
		t.Fatal(err)
	}
	other, err := yaml.Marshal(templates(t, "minimal", &large)[0])
	if err != nil {
		t.Fatal(err)
	}
	if string(one) != string(other) {
		t.Error("a network that is scaled would restart its nodes")
	}
}

// A change of the replicas by hand, or without an operator, deletes no claim. The operator sets Delete for a scale-down only.
func TestTheClaimsOfRemovedNodesAreKept(t *testing.T) {
	for _, policy := range []v1.RetentionPolicy{v1.RetentionDelete, v1.RetentionRetain} {
		n := network(func(s *v1.BitcoinNetworkSpec) {
			s.Nodes, s.Groups, s.Storage = 3, []v1.Group{{Name: "b", Nodes: 0}}, &v1.Storage{RetentionPolicy: policy}
		})
		for _, object := range Build(n, settings()) {
			set, ok := object.(*appsv1.StatefulSet)
			if !ok {
				continue
			}
			got := set.Spec.PersistentVolumeClaimRetentionPolicy
			if got.WhenScaled != appsv1.RetainPersistentVolumeClaimRetentionPolicyType || string(got.WhenDeleted) != string(policy) {
				t.Errorf("%s: %s has %+v", policy, set.Name, *got)
			}
		}
	}
}

func TestOrdinalsContinueFromGroupToGroup(t *testing.T) {
	groups := Groups(networks["groups"], "nodes:1")
	for _, test := range []struct {
		group   int
		pod     string
		ordinal int
		ok      bool
	}{
		{0, "my-network-sts-2", 2, true}, {1, "my-network-old-sts-0", 3, true}, {2, "my-network-plain-sts-0", 5, true},
		{0, "my-network-sts-3", 3, false}, {0, "my-network-old-sts-0", 0, false}, {0, "my-network-sts-02", 0, false}, {0, "my-network-sts-x", 0, false},
	} {
		ordinal, ok := groups[test.group].Ordinal(test.pod)
		if ok != test.ok || (ok && ordinal != test.ordinal) {
			t.Errorf("%s in group %d: %d, %v", test.pod, test.group, ordinal, ok)
		}
	}
}

func TestWhatAnOperatorBuiltIsReadFromItsStatefulSet(t *testing.T) {
	for _, name := range []string{"minimal", "init-container", "earlier-volume", "earlier-init-container", "storage", "packed", "packed-init-container", "packed-secret-init-container"} {
		for _, object := range Build(networks[name], settingsFor(name)) {
			set, ok := object.(*appsv1.StatefulSet)
			if !ok {
				continue
			}
			got, found := RPCAuthDeliveryOf(set)
			if earlier := HasEarlierNodes(set); earlier != settingsFor(name).EarlierNodes {
				t.Errorf("%s is of an earlier release: %v", name, earlier)
			}
			if want := settingsFor(name).RPCAuth; found != (name != "storage") || found && got != want {
				t.Errorf("%s: %+v %v, want %+v", name, got, found, want)
			}
		}
	}
}

func TestAGroupsOptionsReplaceThoseOfTheNetwork(t *testing.T) {
	n := network(func(s *v1.BitcoinNetworkSpec) {
		s.Config = v1.Config{"debug": "net", "txindex": "1"}
		s.ConfigLists = v1.ConfigLists{"uacomment": {"a", "b"}, "whitelist": {"127.0.0.1"}}
		s.Groups = []v1.Group{{
			Name: "b", Nodes: 1, Config: v1.Config{"uacomment": "c"},
			ConfigLists: v1.ConfigLists{"debug": {"mempool", "rpc"}, "whitelist": {}, "dbcache": {}},
		}}
	})
	groups := Groups(n, "nodes:1")
	for i, want := range []map[string][]string{
		{"debug": {"net"}, "txindex": {"1"}, "uacomment": {"a", "b"}, "whitelist": {"127.0.0.1"}},
		{"debug": {"mempool", "rpc"}, "txindex": {"1"}, "uacomment": {"c"}, "whitelist": {}, "dbcache": {}},
	} {
		if diff := cmp.Diff(want, groups[i].Options); diff != "" {
			t.Errorf("group %d (-want +got):\n%s", i, diff)
		}
	}
}

// bitcoin-cli without arguments reads the file in the home directory, which is the one that bitcoind reads.
func TestBitcoinCliFindsTheConfigurationOfTheNode(t *testing.T) {
	for name, n := range networks {
		if settingsFor(name).EarlierNodes {
			continue
		}
		for _, template := range templates(t, name, n) {
			node, keys := template.Spec.Containers[0], map[string]string{}
			for _, mount := range node.VolumeMounts {
				keys[mount.MountPath] = mount.Name + "/" + mount.SubPath
			}
			home := ""
			for _, variable := range node.Env {
				if variable.Name == "HOME" {
					home = variable.Value
				}
			}
			if n.Spec.NodesPerPod > 1 {
				// The supervisor writes it.
				if home != api.NodesDir {
					t.Errorf("%s: HOME is %q", name, home)
				}
				continue
			}
			if home == "" || keys[home+"/.bitcoin/bitcoin.conf"] != keys[configPath] || keys[configPath] == "" {
				t.Errorf("%s: HOME is %q, mounts %v", name, home, keys)
			}
		}
	}
}

// Whoever may call a node can take all its RPC threads for any time. Its pod must not become unready, or be restarted.
func TestNoFailedProbeEndsTheReadinessOfAPod(t *testing.T) {
	for _, object := range Build(networks["minimal"], settings()) {
		set, ok := object.(*appsv1.StatefulSet)
		if !ok {
			continue
		}
		container := set.Spec.Template.Spec.Containers[0]
		if probe := container.ReadinessProbe; probe.FailureThreshold != math.MaxInt32 || probe.PeriodSeconds != 1 || probe.HTTPGet == nil {
			t.Errorf("readiness probe %+v", probe)
		}
		if container.LivenessProbe != nil || container.StartupProbe != nil {
			t.Error("a probe that fails restarts the container")
		}
	}
}
