package network

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/controller"
)

// operatorPods are found by the chart's labels.
func operatorPods(t *testing.T) []corev1.Pod {
	t.Helper()
	needCluster(t)
	pods, err := cluster.core.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=bitcoin-controller"})
	if err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) == 0 {
		t.Fatal("no pod of the operator in the cluster: install the chart first")
	}
	return pods.Items
}

func TestTheOperatorReadsNoSecretOutsideItsNamespaceIntegration(t *testing.T) {
	pod := operatorPods(t)[0]
	user := "system:serviceaccount:" + pod.Namespace + ":" + pod.Spec.ServiceAccountName
	for _, namespace := range []string{"", "default", "kube-system"} {
		if namespace == pod.Namespace {
			continue
		}
		for _, verb := range []string{"get", "list", "watch"} {
			review, err := cluster.core.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
				Spec: authorizationv1.SubjectAccessReviewSpec{
					User: user, Groups: []string{"system:serviceaccounts", "system:authenticated"},
					ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Resource: "secrets"},
				},
			}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if review.Status.Allowed {
				t.Errorf("%s may %s Secrets in namespace %q", user, verb, namespace)
			}
		}
	}
}

func TestNoPasswordStandsInAnyObjectEventOrLogIntegration(t *testing.T) {
	l := newLab(t, 1)
	const password = "a-password-like-no-other-7f3a"
	l.secret("users", "carol", password)
	n := network("discreet", 1)
	n.Spec.Secret = "users"
	l.create(n)
	l.ready("discreet", patience)

	// The operator's own password for the network is nobody's business either.
	operator := operatorPods(t)[0]
	core := cluster.core.CoreV1()
	master, err := core.Secrets(operator.Namespace).Get(t.Context(), "bitcoin-controller-master-key", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	own := controller.Credentials(master.Data["master-key"])(l.get("discreet")).Password
	var needles []string
	for _, word := range []string{password, own, string(master.Data["master-key"])} {
		needles = append(needles, word, base64.StdEncoding.EncodeToString([]byte(word)), hex.EncodeToString([]byte(word)))
	}
	search := func(what, text string) {
		t.Helper()
		for i, needle := range needles {
			if strings.Contains(text, needle) {
				t.Errorf("password %d stands in %s", i/3, what)
			}
		}
	}
	for kind, list := range everyObject(t) {
		search("a "+kind, list)
	}
	pods, err := core.Pods(l.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// A pod of the operator's may be killed by another test in the middle of this.
	l.eventually("all logs to be read", time.Minute, func() error {
		for _, pod := range append(slices.Clone(pods.Items), operatorPods(t)...) {
			for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
				logs, err := core.Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: container.Name}).DoRaw(t.Context())
				if err != nil {
					return err
				}
				search("the log of "+pod.Name, string(logs))
			}
		}
		return nil
	})
	pod := pods.Items[0]
	// bitcoind itself, looked at from the cluster node: what is run in its container later gets the Secret anew.
	if exec.Command("docker", "info").Run() == nil {
		running := l.beside(pod.Name, "cat $p/environ $p/cmdline")
		search("the environment or arguments of bitcoind", running)
		if !strings.Contains(running, "bitcoind") || !strings.Contains(running, "PATH=") {
			t.Errorf("environment and arguments are %q", running)
		}
	}
	if line, err := l.exec("discreet-sts-0", "", "/usr/local/bin/bitcoin-cli", "-version"); err != nil || line == "" {
		t.Errorf("bitcoin-cli -version: %q, %v", line, err)
	}
}

// everyObject is all that can be listed in any namespace, as JSON by resource, but for Secrets.
func everyObject(t *testing.T) map[string]string {
	t.Helper()
	_, lists, err := cluster.core.Discovery().ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	everything := dynamic.NewForConfigOrDie(cluster.config)
	found := map[string]string{}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list.APIResources {
			if !slices.Contains(r.Verbs, "list") || version.Group == "" && r.Name == "secrets" {
				continue
			}
			objects, err := everything.Resource(version.WithResource(r.Name)).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatalf("list %s: %v", r.Name, err)
			}
			text, err := json.Marshal(objects)
			if err != nil {
				t.Fatal(err)
			}
			found[r.Name+"."+list.GroupVersion] = string(text)
		}
	}
	for _, wanted := range []string{"pods.v1", "events.v1", "configmaps.v1", "statefulsets.apps/v1", "bitcoinnetworks." + v1.SchemeGroupVersion.String()} {
		if found[wanted] == "" {
			t.Errorf("%s were not searched", wanted)
		}
	}
	return found
}
