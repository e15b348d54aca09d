package apiserver_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/access"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/backend"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
	"github.com/christianb93/bitcoin-controller/test/rights"
)

const audience = "the-page"

// watches is the right to watch networks, and what else is named.
func watches(others ...string) []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		{APIGroups: []string{v1.SchemeGroupVersion.Group}, Resources: []string{"bitcoinnetworks"}, Verbs: []string{"list", "watch"}},
		{APIGroups: []string{""}, Resources: others, Verbs: []string{"list", "watch"}},
	}
}

// watchesLightning is the right to watch Lightning networks.
var watchesLightning = rbacv1.PolicyRule{APIGroups: []string{v1.SchemeGroupVersion.Group}, Resources: []string{"lightningnetworks"}, Verbs: []string{"list", "watch"}}

// account creates a service account with rights in the namespace, or everywhere, and returns a token of it for an audience.
func account(t *testing.T, ns *apiserver.Namespace, name string, everywhere bool, rules []rbacv1.PolicyRule, audiences ...string) string {
	t.Helper()
	created := func(_ any, err error) {
		t.Helper()
		if err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	at := metav1.ObjectMeta{Name: name, Namespace: ns.Name}
	created(ns.Clients.CoreV1().ServiceAccounts(ns.Name).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: at}, metav1.CreateOptions{}))
	subject := rights.ServiceAccount(ns.Name, name)
	subjects := []rbacv1.Subject{subject}
	if rbac := ns.Clients.RbacV1(); everywhere {
		of := metav1.ObjectMeta{Name: ns.Name + "-" + name}
		created(rbac.ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: of, Rules: rules}, metav1.CreateOptions{}))
		created(rbac.ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: of, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: of.Name}}, metav1.CreateOptions{}))
	} else {
		created(rbac.Roles(ns.Name).Create(t.Context(), &rbacv1.Role{ObjectMeta: at, Rules: rules}, metav1.CreateOptions{}))
		created(rbac.RoleBindings(ns.Name).Create(t.Context(), &rbacv1.RoleBinding{ObjectMeta: at, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name}}, metav1.CreateOptions{}))
	}
	if err := rights.Await(t.Context(), ns.Clients, ns.Name, subject, rules); err != nil {
		t.Fatal(err)
	}
	token, err := ns.Clients.CoreV1().ServiceAccounts(ns.Name).CreateToken(t.Context(), name, &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return token.Status.Token
}

// as is a client with the token of an account.
func as(ns *apiserver.Namespace, token string) *rest.Config {
	config := rest.AnonymousClientConfig(ns.Config)
	config.BearerToken, config.QPS = token, -1
	return config
}

// pageOf serves the page with the rights that the chart gives it, and returns its address.
func pageOf(t *testing.T, ns *apiserver.Namespace, only ...string) string {
	t.Helper()
	rules := append(watches("events"), watchesLightning,
		rbacv1.PolicyRule{APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"tokenreviews"}, Verbs: []string{"create"}},
		rbacv1.PolicyRule{APIGroups: []string{"authorization.k8s.io"}, Resources: []string{"subjectaccessreviews"}, Verbs: []string{"create"}})
	config := as(ns, account(t, ns, "page", true, rules))
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	networks, err := versioned.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	// A namespace is watched for a while after its last viewer, and so after the test and its API server.
	failed := func(err error) {
		if t.Context().Err() == nil {
			t.Log(err)
		}
	}
	server := httptest.NewServer((&page.Shared{
		Access: &access.Reviewer{Core: core, Audience: audience},
		Values: &backend.Namespaces{Client: &cluster.Client{Core: core, Networks: networks}, Only: only, Failed: failed},
	}).Handler())
	t.Cleanup(server.CloseClientConnections)
	return server.URL
}

// stream requests the stream of a namespace, "" for that of the token. Its body must be closed.
func stream(ctx context.Context, t *testing.T, address, namespace, token string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/api/stream?namespace="+namespace, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// opens requests the stream of a namespace, and returns the code with the first message.
func opens(t *testing.T, address, namespace, token string) (int, string) {
	t.Helper()
	response := stream(t.Context(), t, address, namespace, token)
	defer response.Body.Close() //nolint:errcheck // it was only read
	lines := bufio.NewReader(response.Body)
	first, _ := lines.ReadString('\n') // an error has one line
	if response.StatusCode == http.StatusOK {
		var err error
		first, err = lines.ReadString('\n') // after the id
		if err != nil {
			t.Fatal(err)
		}
	}
	return response.StatusCode, first
}

func TestThePageInAClusterShowsATenantHisOwnNetworksOnly(t *testing.T) {
	t.Parallel()
	a, b := apiserver.NewNamespace(t), apiserver.NewNamespace(t)
	a.Create("net-of-a", v1.BitcoinNetworkSpec{Nodes: 1})
	b.Create("net-of-b", v1.BitcoinNetworkSpec{Nodes: 1})
	address := pageOf(t, a)
	ofA, ofB := account(t, a, "viewer", false, watches("events"), audience), account(t, b, "viewer", false, watches("events"), audience)
	everywhere := account(t, a, "auditor", true, watches("events"), audience)
	for _, test := range []struct {
		name, namespace, token string
		code                   int
		words                  string
	}{
		{"a tenant at home", a.Name, ofA, http.StatusOK, "net-of-a"},
		{"a tenant who names no namespace", "", ofB, http.StatusOK, "net-of-b"},
		{"a tenant elsewhere", b.Name, ofA, http.StatusForbidden, "no right to watch bitcoinnetworks in namespace"},
		{"the right to all namespaces", b.Name, everywhere, http.StatusOK, "net-of-b"},
		{"an account without the right to watch events", a.Name, account(t, a, "half", false, watches("pods"), audience), http.StatusForbidden, "no right to watch events"},
		{"a token for the API server", a.Name, account(t, a, "viewer", false, nil), http.StatusUnauthorized, "not for this page"},
		{"a token for another program", a.Name, account(t, a, "viewer", false, nil, "other"), http.StatusUnauthorized, "not for this page"},
		{"a token that is none", a.Name, "x" + ofA, http.StatusUnauthorized, "not for this page"},
		{"no token", a.Name, "", http.StatusUnauthorized, "sign in"},
		{"a namespace that is none", "../a", ofA, http.StatusBadRequest, "name the namespace"},
	} {
		code, got := opens(t, address, test.namespace, test.token)
		if code != test.code || !strings.Contains(got, test.words) || code == http.StatusOK && strings.Contains(got, "net-of-a") == strings.Contains(got, "net-of-b") {
			t.Errorf("%s: %d %.300s, want %d with %q", test.name, code, got, test.code, test.words)
		}
	}
	if code, got := opens(t, pageOf(t, a, a.Name), b.Name, everywhere); code != http.StatusForbidden || !strings.Contains(got, fmt.Sprintf("does not show namespace %q", b.Name)) || strings.Contains(got, a.Name) {
		t.Errorf("a namespace that the page is not for: %d %s", code, got)
	}
	// Whoever gets hold of a token at the page can do nothing else with it.
	client, err := versioned.NewForConfig(as(a, ofA))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.BitcoincontrollerV1().BitcoinNetworks(a.Name).List(t.Context(), metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("the API server accepts a token of the page: %v", err)
	}
}

// lightningOf is the first message with Lightning networks of a stream.
func lightningOf(t *testing.T, address, token string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), apiserver.Limit)
	defer cancel()
	response := stream(ctx, t, address, "", token)
	defer response.Body.Close() //nolint:errcheck // it was only read
	lines := bufio.NewReader(response.Body)
	for of := false; ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream has no message with Lightning networks within %s: %v after %q", apiserver.Limit, err, line)
		}
		if of = of || line == "event: lightning\n"; of && strings.HasPrefix(line, "data: ") {
			return line
		}
	}
}

func TestThePageInAClusterShowsLightningNetworksToThoseWhoMayWatchThem(t *testing.T) {
	t.Parallel()
	a := apiserver.NewNamespace(t)
	a.Create("net", v1.BitcoinNetworkSpec{Nodes: 1})
	a.CreateLightning("ln", v1.LightningNetworkSpec{BitcoinNetwork: "net", Nodes: 1})
	address := pageOf(t, a)
	for name, test := range map[string]struct {
		rules        []rbacv1.PolicyRule
		words, never string
	}{
		"with":    {append(watches("events"), watchesLightning), `"ln/ln/node/0":{"ordinal":0,"pod":"ln-lnd-0"`, "no right"},
		"without": {watches("events"), "no right to watch lightningnetworks in namespace", "ln-lnd-0"},
	} {
		if got := lightningOf(t, address, account(t, a, "viewer-"+name, false, test.rules, audience)); !strings.Contains(got, test.words) || strings.Contains(got, test.never) {
			t.Errorf("a viewer %s the right gets %s", name, got)
		}
	}
}
