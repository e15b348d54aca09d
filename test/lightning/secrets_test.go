//go:build e2e

package lightning

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// operators are the pods of the operator, of which there must be one.
func operators(t *testing.T) []corev1.Pod {
	t.Helper()
	pods, err := cluster.Core.CoreV1().Pods(releaseNamespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=bitcoin-controller"})
	if err != nil || len(pods.Items) == 0 {
		t.Fatalf("no pod of the operator: %v", err)
	}
	return pods.Items
}

// What kubectl auth can-i --as asks.
func TestWithLightningTheOperatorReadsNoSecretAndRunsNothingInPods(t *testing.T) {
	env := newEnv(t, 1)
	pod := operators(t)[0]
	for resource, verbs := range map[string][]string{
		"secrets": {"get", "list", "watch", "create", "update", "patch", "delete"}, "pods/exec": {"create", "get"}, "pods/attach": {"create", "get"},
		"pods/portforward": {"create", "get"}, "pods/log": {"get"},
	} {
		name, subresource, _ := strings.Cut(resource, "/")
		for _, verb := range verbs {
			review, err := cluster.Core.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
				Spec: authorizationv1.SubjectAccessReviewSpec{
					User: "system:serviceaccount:" + pod.Namespace + ":" + pod.Spec.ServiceAccountName, Groups: []string{"system:serviceaccounts", "system:authenticated"},
					ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: env.namespace, Verb: verb, Resource: name, Subresource: subresource},
				},
			}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if review.Status.Allowed {
				t.Errorf("the operator may %s %s in the namespace of a user", verb, resource)
			}
		}
	}
}

// secrets of a node: the forms in which one could be somewhere, by what it is.
func (n *network) secrets(node int) map[string]string {
	n.Helper()
	forms := map[string]string{}
	add := func(what string, secret []byte) {
		if len(secret) < 16 {
			n.Fatalf("%s of node %d is too short: %q", what, node, secret)
		}
		for _, form := range []string{
			string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)), base64.StdEncoding.EncodeToString(secret),
			base64.RawURLEncoding.EncodeToString(secret),
		} {
			forms[form] = what
		}
	}
	read := func(path string) []byte {
		// In base64: the output of a command is text.
		raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(n.beside(n.lndPod(node), "lnd", "base64 $p/root"+path), "\n", ""))
		if err != nil {
			n.Fatal(err)
		}
		return raw
	}
	for _, name := range []string{"admin", "invoice", "readonly"} {
		add(name+".macaroon", read("/data/data/chain/bitcoin/regtest/"+name+".macaroon"))
	}
	key := strings.Split(strings.TrimSpace(string(read("/data/tls.key"))), "\n")
	for _, line := range key[1 : len(key)-1] {
		add("the key of the certificate", []byte(line))
	}
	_, password, _ := strings.Cut(string(read("/run/lightning/lnd.conf")), "bitcoind.rpcpass=")
	password, _, _ = strings.Cut(password, "\n")
	add("the password of bitcoind", []byte(password))
	return forms
}

func TestNoSecretOfAnLNDIsInAnyObjectEventOrLog(t *testing.T) {
	skipIfShort(t)
	testtools.Docker(t)
	env := newEnv(t, 4)
	n := env.create("discreet", zmq(1), line(2))
	n.ready()
	// A start with another one before it, so that there are two logs.
	n.kill(0, "lnd")
	n.asDeclared()
	texts := env.everyObject()
	logs := func(pod *corev1.Pod) {
		for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			for _, previous := range []bool{false, true}[:1+min(int(status.RestartCount), 1)] {
				text, err := cluster.Core.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: status.Name, Previous: previous}).DoRaw(t.Context())
				if err != nil {
					t.Fatalf("the log of %s in %s: %v", status.Name, pod.Name, err)
				}
				texts[fmt.Sprintf("the log of %s in %s, of the one before: %v", status.Name, pod.Name, previous)] = string(text)
			}
		}
	}
	for _, name := range []string{n.lndPod(0), n.lndPod(1), n.bitcoinPod(0)} {
		logs(env.pod(name))
	}
	for _, pod := range operators(t) {
		logs(&pod)
	}
	for node := range 2 {
		for form, what := range n.secrets(node) {
			for where, text := range texts {
				if strings.Contains(text, form) {
					t.Errorf("%s of node %d is in %s", what, node, where)
				}
			}
		}
	}
}

// everyObject is all that can be listed in the namespace, as JSON by resource, Secrets too, of which there are none of the operator.
func (env *testEnv) everyObject() map[string]string {
	env.Helper()
	_, lists, err := cluster.Core.Discovery().ServerGroupsAndResources()
	if err != nil {
		env.Fatal(err)
	}
	everything, found := dynamic.NewForConfigOrDie(cluster.Config), map[string]string{}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			env.Fatal(err)
		}
		for _, r := range list.APIResources {
			if !r.Namespaced || !slices.Contains(r.Verbs, "list") {
				continue
			}
			objects, err := everything.Resource(version.WithResource(r.Name)).Namespace(env.namespace).List(context.Background(), metav1.ListOptions{})
			if err != nil {
				env.Fatalf("list %s: %v", r.Name, err)
			}
			text, err := json.Marshal(objects)
			if err != nil {
				env.Fatal(err)
			}
			found[r.Name+"."+list.GroupVersion] = string(text)
		}
	}
	for _, wanted := range []string{"pods.v1", "events.v1", "configmaps.v1", "secrets.v1", "statefulsets.apps/v1"} {
		if found[wanted] == "" {
			env.Fatalf("%s were not searched", wanted)
		}
	}
	return found
}
