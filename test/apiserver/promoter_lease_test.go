package apiserver_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// expiring is for a lease that is to expire, and for a run that is to try again soon: long enough for the renewals of a process that gets
// little time. All other runs have the defaults.
var expiring = cluster.LeaseTimes{Duration: 15 * time.Second}

const promoterLimit = time.Minute

func contains(t *testing.T, where, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s have no %q:\n%s", where, w, text)
		}
	}
}

// The dead run is one whose connections to the server have ended. The namespace does not exist before.
func TestTheNextRunUninstallsWhatADeadRunHasInstalled(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	name := ns.Name + "-new"
	kubeconfig, cut := breakable(t, ns.Environment)
	dead := mustVerify(t, kubeconfig, name, expiring)
	ctx, stop := dead.Context(t.Context())
	defer stop()
	check(t, dead.install(ctx, t, configMap))
	if run, exists := released(t, ns.Kubeconfig, name); !exists || run != dead.Release().Run || run == "" {
		t.Errorf("the release is of %q: %t, want %q", run, exists, dead.Release().Run)
	}
	contains(t, "the leases", strings.Join(leases(t, ns.Environment, name), "\n"), "chart-promoter-app: "+dead.Release().Run+" (chart-promoter", "https://ci.example.com/"+name)

	cut()
	next := mustVerify(t, ns.Kubeconfig, name, cluster.LeaseTimes{})
	contains(t, "the lines of the next run", next.lines(), "is in use since", "took over the lease of "+dead.Release().Run, "uninstalling app, which is left from an earlier run, "+dead.Release().Run)
	if run, exists := released(t, ns.Kubeconfig, name); exists {
		t.Errorf("the release of %s still exists", run)
	}
	select {
	case <-ctx.Done():
	case <-time.After(promoterLimit):
		t.Fatal("the run without a connection continues")
	}
	if err := dead.Lost(nil); !errors.Is(err, cluster.ErrLease) || failure.Of(err) != failure.External {
		t.Errorf("the run without a connection ends with %v", err)
	}
	check(t, next.install(t.Context(), t, configMap))
	check(t, dead.Close(t.Context()))
	if run, _ := released(t, ns.Kubeconfig, name); run != next.Release().Run {
		t.Errorf("the release is of %q, want that of the next run", run)
	}
	check(t, next.Close(t.Context()))
	isGone(t, ns.Environment, name)
}

func TestTwoRunsTakeTurns(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	first := mustVerify(t, ns.Kubeconfig, ns.Name, cluster.LeaseTimes{})
	check(t, first.install(t.Context(), t, configMap))
	if _, err := verifying(t.Context(), t, ns.Kubeconfig, ns.Name, cluster.LeaseTimes{Wait: time.Second}, &progress{}); !errors.Is(err, cluster.ErrLease) || !strings.Contains(err.Error(), "after 1s it is still held by "+first.Release().Run) {
		t.Errorf("a run that waits for one second: %v", err)
	}
	second := make(chan error, 1)
	p := &progress{}
	var run *promoterRun
	go func() {
		var err error
		run, err = verifying(t.Context(), t, ns.Kubeconfig, ns.Name, cluster.LeaseTimes{}, p)
		second <- err
	}()
	testtools.Eventually(t, "the second run to report that it waits", promoterLimit, func() error {
		if text := p.lines(); !strings.Contains(text, "waiting, for at most 45m0s: the release app in namespace "+ns.Name+" is in use") || !strings.Contains(text, first.Release().Run) {
			return fmt.Errorf("it reports %q", text)
		}
		return nil
	})
	if run, exists := released(t, ns.Kubeconfig, ns.Name); !exists || run != first.Release().Run {
		t.Errorf("while the second run waits, the release is of %q: %t", run, exists)
	}
	check(t, first.Close(t.Context()))
	select {
	case err := <-second:
		check(t, err)
	case <-time.After(promoterLimit):
		t.Fatal("the second run still waits for the first, which has ended")
	}
	check(t, run.install(t.Context(), t, configMap))
	check(t, run.Close(t.Context()))
	isGone(t, ns.Environment, ns.Name)
}

func TestAPendingReleaseOfAnotherRunIsNotReplaced(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	first := mustVerify(t, ns.Kubeconfig, ns.Name, cluster.LeaseTimes{})
	ctx, cancel := context.WithCancel(t.Context())
	installed := make(chan error, 1)
	go func() { installed <- first.install(ctx, t, neverReady) }()
	release := first.Release()
	testtools.Eventually(t, "the release to be pending", promoterLimit, func() error {
		last, err := first.Helm(0).Installed(release)
		if err == nil && (last == nil || last.Deployed) {
			err = fmt.Errorf("it is %+v", last)
		}
		return err
	})
	for run, want := range map[string]error{"0123456789abcdef": cluster.ErrLease, "": cluster.ErrLease} {
		release.Run = run
		if _, err := first.Helm(4).Apply(t.Context(), packaged(t, configMap), release); !errors.Is(err, want) || failure.Of(err) != failure.External || !strings.Contains(err.Error(), first.Release().Run) {
			t.Errorf("run %q replaces the release: %v", run, err)
		}
	}
	if run, exists := released(t, ns.Kubeconfig, ns.Name); !exists || run != first.Release().Run {
		t.Errorf("the release is of %q: %t", run, exists)
	}
	cancel()
	<-installed
	check(t, first.Close(t.Context()))
	isGone(t, ns.Environment, ns.Name)
}

func TestAReleaseOfAPersonStays(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	theirs := cluster.Release{Name: "app", Namespace: ns.Name, Timeout: time.Minute}
	_, err := cluster.Helm{Major: 4, Kubeconfig: ns.Kubeconfig}.Apply(t.Context(), packaged(t, configMap), theirs)
	check(t, err)
	if _, err := verifying(t.Context(), t, ns.Kubeconfig, ns.Name, cluster.LeaseTimes{}, &progress{}); failure.Of(err) != failure.BadInput || !strings.Contains(err.Error(), "the cluster already has a release app in namespace "+ns.Name) {
		t.Errorf("verify: %v", err)
	}
	ours := theirs
	ours.Run = "0123456789abcdef"
	if _, err := (cluster.Helm{Major: 3, Kubeconfig: ns.Kubeconfig}).Apply(t.Context(), packaged(t, configMap), ours); failure.Of(err) != failure.BadInput {
		t.Errorf("installation over a release that appeared after the start: %v", err)
	}
	if run, exists := released(t, ns.Kubeconfig, ns.Name); !exists || run != "" {
		t.Errorf("the release is of %q: %t", run, exists)
	}
	if held := leases(t, ns.Environment, ns.Name); len(held) > 0 {
		t.Errorf("there are leases: %q", held)
	}
}

// The account has what the installation needs, and then also the role of the documentation.
func TestALeaseNeedsTheRightsOfTheDocumentation(t *testing.T) {
	t.Parallel()
	ns := apiserver.NewNamespace(t)
	kubeconfig := ciAccount(t, ns)
	bind(t, ns, rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "installs"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"secrets", "configmaps"}, Verbs: []string{"*"}},
	}})
	_, err := verifying(t.Context(), t, kubeconfig, ns.Name, expiring, &progress{})
	if failure.Of(err) != failure.External || !strings.Contains(fmt.Sprint(err), "needs get, create, update and delete for leases of coordination.k8s.io in namespace "+ns.Name) {
		t.Errorf("without the right: %v", err)
	}
	page, err := os.ReadFile("../../docs/pipeline.md")
	check(t, err)
	_, text, _ := strings.Cut(string(page), "```yaml\napiVersion: rbac.authorization.k8s.io/v1\n")
	text, _, _ = strings.Cut(text, "```")
	var role rbacv1.Role
	check(t, yaml.UnmarshalStrict([]byte("apiVersion: rbac.authorization.k8s.io/v1\n"+text), &role))
	bind(t, ns, role)
	run := mustVerify(t, kubeconfig, ns.Name, cluster.LeaseTimes{})
	check(t, run.Close(t.Context()))
	isGone(t, ns.Environment, ns.Name)
}

// ciAccount is the kubeconfig of a service account without rights.
func ciAccount(t *testing.T, ns *apiserver.Namespace) (kubeconfig string) {
	t.Helper()
	accounts := ns.Clients.CoreV1().ServiceAccounts(ns.Name)
	_, err := accounts.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "ci"}}, metav1.CreateOptions{})
	check(t, err)
	token, err := accounts.CreateToken(t.Context(), "ci", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	check(t, err)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	check(t, clientcmd.WriteToFile(api.Config{
		Clusters:  map[string]*api.Cluster{"c": {Server: ns.Config.Host, CertificateAuthorityData: ns.Config.CAData}},
		AuthInfos: map[string]*api.AuthInfo{"ci": {Token: token.Status.Token}},
		Contexts:  map[string]*api.Context{"c": {Cluster: "c", AuthInfo: "ci"}}, CurrentContext: "c",
	}, kubeconfig))
	return kubeconfig
}

// bind creates a role and gives it to the account.
func bind(t *testing.T, ns *apiserver.Namespace, role rbacv1.Role) {
	t.Helper()
	role.Namespace = ns.Name
	_, err := ns.Clients.RbacV1().Roles(ns.Name).Create(t.Context(), &role, metav1.CreateOptions{})
	check(t, err)
	_, err = ns.Clients.RbacV1().RoleBindings(ns.Name).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "ci", Namespace: ns.Name}},
	}, metav1.CreateOptions{})
	check(t, err)
}
