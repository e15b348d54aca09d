//go:build e2e

package network

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// sought are the passwords of the whole run. Each namespace is searched for all of them before it is deleted, and the logs of
// the operator before its pods are, and at the end.
var sought passwords

// passwords are known by the forms in which one could stand somewhere, and whose each is.
type passwords struct {
	mu    sync.Mutex
	whose map[string]string
}

func (p *passwords) add(whose, user, word string) {
	if len(word) < 10 {
		panic("a password of " + whose + " that is as short as a word stands in many places")
	}
	quoted, err := json.Marshal(word)
	if err != nil {
		panic(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.whose == nil {
		p.whose = map[string]string{}
	}
	for _, form := range []string{
		word, base64.StdEncoding.EncodeToString([]byte(word)), hex.EncodeToString([]byte(word)), url.QueryEscape(word),
		strings.Trim(string(quoted), `"`), base64.StdEncoding.EncodeToString([]byte(user + ":" + word)),
	} {
		p.whose[form] = whose
	}
}

// in returns a sentence for each owner whose password stands in a text.
func (p *passwords) in(what, text string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []string
	for form, whose := range p.whose {
		if strings.Contains(text, form) {
			found = append(found, fmt.Sprintf("the password of %s stands in %s", whose, what))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// operatorsOwn adds the operator's credentials for a network, which must not appear either.
func (p *passwords) operatorsOwn(ctx context.Context, networks ...v1.BitcoinNetwork) error {
	operators, err := operators(ctx)
	if err != nil {
		return err
	}
	for _, operator := range operators {
		master, err := cluster.Core.CoreV1().Secrets(operator.Namespace).Get(ctx, "bitcoin-controller-master-key", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, key := range []string{"master-key", "previous-master-key"} {
			if len(master.Data[key]) == 0 {
				continue
			}
			p.add("the operator's "+key, "", string(master.Data[key]))
			for i := range networks {
				own := credentials.ForNetworks(master.Data[key])(&networks[i])
				p.add("the operator in "+networks[i].Name, own.User, own.Password)
			}
		}
	}
	return nil
}

// operators are found by the chart's labels.
func operators(ctx context.Context) ([]corev1.Pod, error) {
	pods, err := cluster.Core.CoreV1().Pods("").List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=bitcoin-controller"})
	if err != nil {
		return nil, err
	}
	return pods.Items, nil
}

// searched searches everything in a namespace for passwords, the logs of its pods and its events included; "" is the whole
// cluster with the logs of the operator.
func searched(ctx context.Context, namespace string) (found []string, err error) {
	objects, err := everyObject(ctx, namespace)
	if err != nil {
		return nil, err
	}
	for kind, list := range objects {
		found = append(found, sought.in("a "+kind, list)...)
	}
	pods, err := operators(ctx)
	if namespace != "" {
		var list *corev1.PodList
		if list, err = cluster.Core.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{}); err == nil {
			pods = list.Items
		}
	}
	if err != nil {
		return found, err
	}
	logs, err := searchedLogs(ctx, pods)
	return append(found, logs...), err
}

// searchedLogs searches the logs of pods for passwords, and those from before their containers were restarted.
func searchedLogs(ctx context.Context, pods []corev1.Pod) (found []string, err error) {
	for i := range pods {
		pod := &pods[i]
		for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			for _, previous := range []bool{false, true} {
				if previous && status.RestartCount == 0 {
					continue
				}
				text, err := cluster.Core.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
					Container: status.Name, Previous: previous,
				}).DoRaw(ctx)
				// A pod that is gone, or a container that never ran, has no log.
				if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsBadRequest(err) {
					return found, err
				}
				found = append(found, sought.in("the log of "+status.Name+" in "+pod.Name, string(text))...)
			}
		}
	}
	return found, nil
}

// noPasswordIn searches a test's namespace before it is deleted. It has a context of its own: the test's is over.
func (env *testEnv) noPasswordIn() {
	ctx, cancel := context.WithTimeout(context.Background(), e2e.LimitFactor()*time.Minute)
	defer cancel()
	networks, err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).List(ctx, metav1.ListOptions{})
	if err == nil {
		err = sought.operatorsOwn(ctx, networks.Items...)
	}
	var found []string
	if err == nil {
		found, err = searched(ctx, env.namespace)
	}
	if err != nil {
		env.Errorf("search %s for passwords: %v", env.namespace, err)
	}
	for _, find := range found {
		env.Error(find)
	}
}

// resourcesOnce is what the API server has, which no test changes.
var resourcesOnce = sync.OnceValues(func() ([]*metav1.APIResourceList, error) {
	_, lists, err := cluster.Core.Discovery().ServerGroupsAndResources()
	return lists, err
})

// everyObject is all that can be listed in a namespace, or in any, as JSON by resource, but for Secrets.
func everyObject(ctx context.Context, namespace string) (map[string]string, error) {
	lists, err := resourcesOnce()
	if err != nil {
		return nil, err
	}
	everything := dynamic.NewForConfigOrDie(cluster.Config)
	found := map[string]string{}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, r := range list.APIResources {
			if !slices.Contains(r.Verbs, "list") || version.Group == "" && r.Name == "secrets" || namespace != "" && !r.Namespaced {
				continue
			}
			objects, err := everything.Resource(version.WithResource(r.Name)).Namespace(namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", r.Name, err)
			}
			text, err := json.Marshal(objects)
			if err != nil {
				return nil, err
			}
			found[r.Name+"."+list.GroupVersion] = string(text)
		}
	}
	for _, wanted := range []string{"pods.v1", "events.v1", "configmaps.v1", "statefulsets.apps/v1", "bitcoinnetworks." + v1.SchemeGroupVersion.String()} {
		if found[wanted] == "" {
			return nil, fmt.Errorf("%s were not searched", wanted)
		}
	}
	return found, nil
}

// TestMain searches what is left when all tests are over, which none of them can: the operator's logs of the whole run.
func TestMain(m *testing.M) {
	if !inDemo() { // which leaves out all tests that call the program
		if err := e2e.BuildEarly(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	code := m.Run()
	e2e.RemoveProgram()
	if cluster.Core != nil {
		ctx, cancel := context.WithTimeout(context.Background(), e2e.LimitFactor()*time.Minute)
		found, err := searched(ctx, "")
		cancel()
		if err != nil {
			found = append(found, fmt.Sprintf("search the cluster for passwords at the end: %v", err))
		}
		if len(found) > 0 {
			fmt.Println(strings.Join(found, "\n"))
			code = 1
		}
		fmt.Printf("searched for %d forms of passwords; %d requests to the API server were repeated\n", len(sought.whose), e2e.Retried.Load())
	}
	os.Exit(code)
}
