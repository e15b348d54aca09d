//go:build e2e

package network

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/testtools/browser"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
	"github.com/christianb93/bitcoin-controller/test/rights"
)

// viewerRights are those that the page requires of its viewers.
var viewerRights = []rbacv1.PolicyRule{
	{APIGroups: []string{v1.SchemeGroupVersion.Group}, Resources: []string{"bitcoinnetworks"}, Verbs: []string{"list", "watch"}},
	{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"list", "watch"}},
}

// viewerToken creates a service account with these rights, and returns a token of it for the page.
func (env *testEnv) viewerToken(name string) string {
	env.Helper()
	core := cluster.Core.CoreV1().ServiceAccounts(env.namespace)
	_, err := core.Create(env.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err == nil {
		err = rights.Grant(env.Context(), cluster.Core, env.namespace, name, rights.ServiceAccount(env.namespace, name), viewerRights)
	}
	if err != nil {
		env.Fatal(err)
	}
	token, err := core.CreateToken(env.Context(), name, &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{"bitcoin-controller-page"}}}, metav1.CreateOptions{})
	if err != nil {
		env.Fatal(err)
	}
	return token.Status.Token
}

// servedPage serves the page as its pod does, with the rights of the test's administrator, and returns its address.
func (env *testEnv) servedPage() string {
	env.Helper()
	file, err := e2e.Program()
	if err != nil {
		env.Fatal(err)
	}
	line := e2e.Serves(env, exec.CommandContext(env.Context(), file, "serve-page", "--bind-address=127.0.0.1:0", "--health-bind-address=127.0.0.1:0"))
	found := regexp.MustCompile(`served on (\S+),`).FindStringSubmatch(line)
	if found == nil {
		env.Fatalf("it printed %q", line)
	}
	return "https://" + found[1]
}

// signsIn enters a token and a namespace.
func signsIn(tab *browser.Tab, token, namespace string) {
	tab.Await("the form", `!document.getElementById("sign-in").hidden`)
	tab.Fill("#sign-in-token", token)
	tab.Fill("#sign-in-namespace", namespace)
	tab.Press(browser.Enter)
}

func TestThePageOfTheClusterShowsATenantWhatBitcoindHas(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	p := env.plugin("owner", pluginRights)
	p.Does("create", "seen", "--nodes", "3", "--topology", "ring", "--wait", "--timeout", "5m")
	p.Does("mine", "seen", "2")
	address := env.servedPage()
	tab := browser.Open(t, address, browser.Options{Limit: pageLimit(), OwnCertificate: true, Expected: []string{"status of 403"}})
	token := env.viewerToken("viewer")
	signsIn(tab, token, "kube-system")
	tab.Await("the missing right", `document.querySelector("#sign-in .wrong")?.textContent.includes("has no right to watch bitcoinnetworks in namespace \"kube-system\"")`)
	signsIn(tab, token, "")
	want := env.edgesOf("seen", 3)
	tab.Await("the edges that bitcoind has", fmt.Sprintf(`JSON.stringify(%s) === %s`, drawnEdges, browser.Quote(`["`+strings.Join(want, `","`)+`"]`)))
	tab.Await("the height", `document.getElementById("fact-height").textContent === "2"`)
	p.Does("mine", "seen", "1")
	tab.Await("the next block", `document.getElementById("fact-height").textContent === "3"`)
	p.Does("partition", "seen", "0", "1,2")
	tab.Await("the partition", `document.querySelectorAll("#graph .side-box").length === 2`)
	// Without the right, nothing new is shown.
	if err := cluster.Core.RbacV1().RoleBindings(env.namespace).Delete(t.Context(), "viewer", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	env.eventually("the end of the stream", 3*time.Minute, func() error {
		if !browser.Eval[bool](tab, `!document.getElementById("sign-in").hidden`) {
			return fmt.Errorf("the page is open")
		}
		return nil
	})
	if broken := tab.Broken(); len(broken) > 0 {
		t.Errorf("the page breaks its policy: %v", broken)
	}
}
