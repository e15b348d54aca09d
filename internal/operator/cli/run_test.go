package cli

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiversion "k8s.io/apimachinery/pkg/version"
	fakediscovery "k8s.io/client-go/discovery/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/controller"
	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// parse returns the options that a command line gives.
func parse(t *testing.T, arguments ...string) *options {
	t.Helper()
	o := &options{}
	flags := pflag.NewFlagSet("bitcoin-controller", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	o.addFlags(flags)
	if err := flags.Parse(append([]string{"--node-image=node", "--rpcauth-image=operator"}, arguments...)); err != nil {
		t.Fatal(err)
	}
	return o
}

// fakeCluster is a cluster whose API server has a version, and that no request reaches.
func fakeCluster(t *testing.T, version string, inPod bool) cluster {
	t.Helper()
	clients := fake.NewClientset()
	discovery, ok := clients.Discovery().(*fakediscovery.FakeDiscovery)
	if !ok {
		t.Fatal("the fake clientset has another discovery client")
	}
	discovery.FakedServerVersion = &apiversion.Info{GitVersion: version}
	return cluster{config: &rest.Config{Host: "https://127.0.0.1:1"}, clients: clients, inPod: inPod}
}

func TestTheEarlierNameOfTheDeliveryFlagStillWorks(t *testing.T) {
	for _, name := range []string{"rpcauth-delivery", "helper"} {
		if got := parse(t, "--"+name+"=init-container").rpcAuthDelivery; got != deliveryInit {
			t.Errorf("--%s gives %q", name, got)
		}
	}
	if got := parse(t).rpcAuthDelivery; got != deliveryAuto {
		t.Errorf("the default is %q", got)
	}
	usage := Command().UsageString()
	if strings.Contains(usage, "--helper") || !strings.Contains(usage, "--rpcauth-delivery") {
		t.Errorf("the usage is\n%s", usage)
	}
}

func TestWrongFlagsAreRejectedByName(t *testing.T) {
	for _, argument := range []string{
		"--node-image=", "--rpcauth-image=", "--rpcauth-delivery=sidecar", "--node-access=magic", "--log-format=xml", "--log-level=warn",
	} {
		name, _, _ := strings.Cut(argument, "=")
		if err := parse(t, argument).complete(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", argument, err)
		}
	}
	if err := parse(t).complete(); err != nil {
		t.Errorf("the defaults are rejected: %v", err)
	}
}

func TestFlagsReachTheController(t *testing.T) {
	o := parse(t, "--poll-interval=7s", "--max-concurrent-reconciles=3", "--namespace=ns")
	c := fakeCluster(t, "v1.36.0", true)
	got, err := controllerOptions(c, o)
	if err != nil {
		t.Fatal(err)
	}
	if got.Settings.NodeImage != "node" || got.PollInterval != 7*time.Second || got.MaxConcurrentReconciles != 3 {
		t.Errorf("the options are %+v", got)
	}
	if got.Settings.RPCAuth.Image != "operator" || !got.Settings.RPCAuth.Volume {
		t.Errorf("rpcauth is delivered by %+v", got.Settings.RPCAuth)
	}
	o.lightningImage = "lnd"
	if ln := lightningOptions(c, o, got); ln.PollInterval != 7*time.Second || ln.MaxConcurrentReconciles != 3 || ln.Settings.Image != "lnd" {
		t.Errorf("the options for LightningNetworks are %+v", ln)
	}
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns"}}
	read := func(options controller.Options) (bitcoind.Credential, bitcoind.Credential) {
		t.Helper()
		if err := options.Credentials.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		return options.Settings.Credential(network), options.PreviousCredential(network)
	}
	first, previous := read(got)
	if previous.User != "" {
		t.Error("a new master key has a previous one")
	}
	if _, err := c.clients.CoreV1().Secrets("ns").Get(t.Context(), defaultMasterKeySecret, metav1.GetOptions{}); err != nil {
		t.Errorf("the master key is not stored: %v", err)
	}
	again, err := controllerOptions(c, o)
	if err != nil {
		t.Fatal(err)
	}
	if second, _ := read(again); second != first {
		t.Error("a restart of the operator changes the credential of a network")
	}
}

// With the key from before the rotation, it would restart all nodes a second time.
func TestAReplicaThatStoodByLeadsWithTheKeyOfTheRotation(t *testing.T) {
	o, c := parse(t, "--namespace=ns"), fakeCluster(t, "v1.36.0", true)
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns", UID: "1"}}
	var replicas [2]controller.Options
	for i := range replicas {
		var err error
		if replicas[i], err = controllerOptions(c, o); err != nil {
			t.Fatal(err)
		}
	}
	leader, standby := replicas[0], replicas[1]
	if err := leader.Credentials.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := leader.Settings.Credential(network)
	if err := credentials.RotateMasterKey(t.Context(), c.clients, "ns", defaultMasterKeySecret, func(credentials.MasterKeys) error { return nil }); err != nil {
		t.Fatal(err)
	}
	// It becomes the leader.
	if err := standby.Credentials.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if standby.Settings.Credential(network) == before || standby.PreviousCredential(network) != before {
		t.Error("it uses the key from before the rotation")
	}
}

func TestNodesAreCalledThroughTheAPIServerFromOutsideTheCluster(t *testing.T) {
	for _, test := range []struct {
		access          string
		inPod, forwards bool
	}{
		{accessAuto, true, false}, {accessAuto, false, true}, {accessDirect, false, false}, {accessForward, true, true},
	} {
		got, err := controllerOptions(fakeCluster(t, "v1.36.0", test.inPod), parse(t, "--node-access="+test.access))
		if err != nil {
			t.Fatal(err)
		}
		if (got.Dial != nil) != test.forwards || (got.Host != nil) != test.forwards {
			t.Errorf("%+v: dialer %v, host %v", test, got.Dial != nil, got.Host != nil)
		}
	}
}

// One manager only: the controller's metrics are registered in the registry of the process.
func TestTheManagerIsBuiltWithoutACluster(t *testing.T) {
	o := parse(t, "--metrics-bind-address=0", "--health-probe-bind-address=127.0.0.1:0", "--watch-namespaces=a,b")
	c := fakeCluster(t, "v1.36.0", true)
	settings, err := controllerOptions(c, o)
	if err != nil {
		t.Fatal(err)
	}
	options := managerOptions(o)
	options.MapperProvider = func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return namespacedMapper(), nil }
	if _, err := newManager(c.config, options, settings, lightningOptions(c, o, settings)); err != nil {
		t.Fatal(err)
	}
	if namespaces := options.Cache.DefaultNamespaces; len(namespaces) != 2 {
		t.Errorf("the cache has the namespaces %v", namespaces)
	}
}

// namespacedMapper knows the kinds that the operator watches, without an API server.
func namespacedMapper() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []schema.GroupVersionKind{
		v1.SchemeGroupVersion.WithKind("BitcoinNetwork"), appsv1.SchemeGroupVersion.WithKind("StatefulSet"),
		corev1.SchemeGroupVersion.WithKind("Pod"), corev1.SchemeGroupVersion.WithKind("Service"), corev1.SchemeGroupVersion.WithKind("ConfigMap"),
		policyv1.SchemeGroupVersion.WithKind("PodDisruptionBudget"),
	} {
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	return mapper
}

func TestBudgetsNeedThePermissionInAllNamespaces(t *testing.T) {
	for name, test := range map[string]struct {
		namespaces, forbidden []string
		want                  bool
	}{
		"all namespaces":                 {nil, nil, true},
		"some namespaces":                {[]string{"a", "b"}, []string{""}, true},
		"not in one of them":             {[]string{"a", "b"}, []string{"b"}, false},
		"no permission, with everything": {nil, []string{""}, false},
	} {
		clients := fake.NewClientset()
		clients.PrependReactor("list", "poddisruptionbudgets", func(action clienttesting.Action) (bool, runtime.Object, error) {
			if slices.Contains(test.forbidden, action.GetNamespace()) {
				return true, nil, apierrors.NewForbidden(policyv1.SchemeGroupVersion.WithResource("poddisruptionbudgets").GroupResource(), "", errors.New("no rule"))
			}
			return false, nil, nil
		})
		if got, err := mayHaveBudgets(t.Context(), clients, test.namespaces); got != test.want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	broken := fake.NewClientset()
	broken.PrependReactor("list", "poddisruptionbudgets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("no connection")
	})
	if _, err := mayHaveBudgets(t.Context(), broken, nil); err == nil {
		t.Error("an API server that does not answer is taken for one that denies")
	}
}
