//go:build e2e

package lifecycle

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// everything turns on each optional part of the chart, in a release whose networks live in namespace equipped.
const everything = "testdata/everything.yaml"

func TestWithEveryOptionalPartOnAllOfThemWork(t *testing.T) {
	const space = "equipped"
	r := newRelease(t, "everything", space, "monitoring")
	before := objects(t)
	defineMonitoring(t)
	text, err := os.ReadFile(everything)
	ok(t, err)
	all := values(t, string(text))
	helm4{r}.install(candidate(t), all)

	// The Secret that the chart makes lets its user in, also after an upgrade.
	n := createNetwork(t, space, "complete", v1.BitcoinNetworkSpec{Nodes: 2, Secret: "bitcoin-default-secret"})
	n.ready(2)
	n.meshed(2)
	password := n.password()
	lives := n.lives(2)
	helm4{r}.upgrade(candidate(t), all)
	if again := n.password(); again != password || len(password) < 32 {
		t.Error("the upgrade created another password, or it is a short one")
	}
	answer, err := n.exec(0, password+"\n", "-rpcconnect="+n.pod(0)+"."+n.name+"-svc", "-rpcuser=bitcoin", "-stdinrpcpass", "getblockcount")
	if err != nil || answer != "0" {
		t.Errorf("the user of the default Secret gets %q, %v", answer, err)
	}

	t.Run("the budget keeps one of two replicas", func(t *testing.T) {
		eventually(t, "the budget to count the replicas", func() error {
			budget, err := testCluster.Core.PolicyV1().PodDisruptionBudgets(r.namespace).Get(t.Context(), releaseName, metav1.GetOptions{})
			if err == nil && (budget.Status.ExpectedPods != 2 || budget.Status.DisruptionsAllowed != 1) {
				err = fmt.Errorf("%d pods, %d may go", budget.Status.ExpectedPods, budget.Status.DisruptionsAllowed)
			}
			return err
		})
	})
	t.Run("who may view or edit a namespace may do so with networks", func(t *testing.T) { aggregated(t, space) })
	t.Run("Prometheus finds the operator and each query has data", func(t *testing.T) { monitored(t, r, n) })

	if now := n.lives(2); !slices.Equal(lives, now) {
		t.Errorf("an upgrade to the same restarted nodes: %v before, %v now", lives, now)
	}

	// A user who wants nothing kept sets that first, and then nothing stays.
	collected(t, space, "waiting")
	r.upgrade(candidate(t), values(t, string(text)+"\ncrds: {keep: false}\n"))
	r.uninstall()
	want := []string{
		"ConfigMap everything/kube-root-ca.crt", "CustomResourceDefinition /prometheusrules.monitoring.coreos.com",
		"CustomResourceDefinition /servicemonitors.monitoring.coreos.com", "Lease everything/" + lease, "Namespace /everything",
		"Secret everything/" + masterKey, "ServiceAccount everything/default",
	}
	eventually(t, "networks and all to be gone", func() error {
		var left []string
		for _, object := range added(before, objects(t), "monitoring") {
			if !strings.HasPrefix(object, "RoleBinding equipped/") {
				left = append(left, object)
			}
		}
		if !slices.Equal(left, want) {
			return fmt.Errorf("there are %s, and there should be %s", strings.Join(left, ", "), strings.Join(want, ", "))
		}
		return nil
	})
}

// collected deletes a network and waits until what it owned is gone: then the garbage collector knows its kind. The collector lists the
// kinds every 30 seconds, and keeps what is owned by a kind that it never saw, when the definition is deleted before.
func collected(t *testing.T, namespace, network string) {
	t.Helper()
	ok(t, testCluster.Networks.BitcoincontrollerV1().BitcoinNetworks(namespace).Delete(t.Context(), network, metav1.DeleteOptions{}))
	eventually(t, "the StatefulSet of a deleted network to be gone", func() error {
		_, err := testCluster.Core.AppsV1().StatefulSets(namespace).Get(t.Context(), network+"-sts", metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err == nil:
			return errors.New("it still exists")
		}
		return err
	})
}

// password is that of the Secret which the chart created for the networks.
func (n *network) password() string {
	n.Helper()
	secret, err := testCluster.Core.CoreV1().Secrets(n.namespace).Get(n.Context(), "bitcoin-default-secret", metav1.GetOptions{})
	ok(n.T, err)
	return string(secret.Data["BC_RPC_PASSWORD"])
}

// defineMonitoring makes the definitions of the Prometheus operator's that the chart has objects of, as wide as can be: what
// the chart writes into them is checked by the tests of the chart itself.
func defineMonitoring(t *testing.T) {
	t.Helper()
	anything := &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: ptr.To(true)}
	for plural, kind := range map[string]string{"servicemonitors": "ServiceMonitor", "prometheusrules": "PrometheusRule"} {
		name := plural + ".monitoring.coreos.com"
		definitions := crds().ApiextensionsV1().CustomResourceDefinitions()
		_, err := definitions.Create(t.Context(), &apiextensionsv1.CustomResourceDefinition{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: apiextensionsv1.CustomResourceDefinitionSpec{
				Group: "monitoring.coreos.com", Scope: apiextensionsv1.NamespaceScoped,
				Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: plural, Singular: strings.ToLower(kind), Kind: kind},
				Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
					Name: "v1", Served: true, Storage: true, Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: anything},
				}},
			},
		}, metav1.CreateOptions{})
		ok(t, err)
		eventually(t, name+" to be served", func() error {
			_, err := testCluster.Core.Discovery().ServerResourcesForGroupVersion("monitoring.coreos.com/v1")
			return err
		})
	}
}

// aggregated checks what members of the cluster's own roles may do with networks.
func aggregated(t *testing.T, namespace string) {
	for user, role := range map[string]string{"vera": "view", "edith": "edit"} {
		_, err := testCluster.Core.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: user},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		}, metav1.CreateOptions{})
		ok(t, err)
	}
	for _, q := range []struct {
		user, verb, resource string
		want                 bool
	}{
		{"vera", "list", "bitcoinnetworks", true},
		{"vera", "create", "bitcoinnetworks", false},
		{"edith", "list", "bitcoinnetworks", true},
		{"edith", "create", "bitcoinnetworks", true},
		{"edith", "delete", "bitcoinnetworks", true},
		{"nobody", "list", "bitcoinnetworks", false},
	} {
		eventually(t, fmt.Sprintf("%s to have the right to %s: %v", q.user, q.verb, q.want), func() error {
			allowed, why := canI(t, q.user, nil, authorizationv1.ResourceAttributes{Namespace: namespace, Verb: q.verb, Group: v1.GroupName, Resource: q.resource})
			if allowed != q.want {
				return fmt.Errorf("allowed %v (%s)", allowed, why)
			}
			return nil
		})
	}
}
