package chart_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	networks   = "bitcoincontroller.christianb93.github.com/bitcoinnetworks"
	lightnings = "bitcoincontroller.christianb93.github.com/lightningnetworks"
	// lightningOn are values.
	lightningOn = "lightning: {enabled: true}\n"
)

// What the operator's code does with networks and their objects: nothing less is granted, and nothing more.
var networkRights = []string{
	networks + " get list watch",
	networks + "/finalizers update",
	networks + "/status patch",
	"apps/statefulsets create delete get list patch watch",
	"policy/poddisruptionbudgets create delete get list patch watch",
	"configmaps create delete get list patch watch",
	"services create delete get list patch watch",
	"pods get list watch",
	"persistentvolumeclaims get patch",
	"events create patch",
	"events.k8s.io/events create patch",
}

// What it does with LightningNetworks besides: their objects are of the same kinds.
var lightningRights = []string{
	lightnings + " get list watch",
	lightnings + "/finalizers update",
	lightnings + "/status patch",
}

// What it does in its own namespace besides.
var ownRights = []string{
	"coordination.k8s.io/leases create",
	"coordination.k8s.io/leases[bitcoin-controller.bitcoincontroller.christianb93.github.com] get update",
	"events create patch",
	"events.k8s.io/events create patch",
	"secrets create",
	"secrets[bitcoin-controller-master-key] get list watch",
}

var metricsRights = []string{
	"authentication.k8s.io/tokenreviews create",
	"authorization.k8s.io/subjectaccessreviews create",
}

func TestRightsOfTheOperator(t *testing.T) {
	tests := map[string]struct {
		values string
		want   map[string][]string // by namespace; "" for the whole cluster
	}{
		"Lightning": {
			values: lightningOn,
			want:   map[string][]string{"": slices.Concat(networkRights, lightningRights, metricsRights), "bitcoin-system": ownRights},
		},
		"Lightning in some namespaces": {
			values: lightningOn + "watchNamespaces: [team-a]",
			want:   map[string][]string{"": metricsRights, "team-a": slices.Concat(networkRights, lightningRights), "bitcoin-system": ownRights},
		},
		"all namespaces": {
			want: map[string][]string{"": slices.Concat(networkRights, metricsRights), "bitcoin-system": ownRights},
		},
		"some namespaces": {
			values: "watchNamespaces: [team-a, team-b]",
			want:   map[string][]string{"": metricsRights, "team-a": networkRights, "team-b": networkRights, "bitcoin-system": ownRights},
		},
		"its own namespace among them": {
			values: "watchNamespaces: [bitcoin-system]",
			want:   map[string][]string{"": metricsRights, "bitcoin-system": slices.Concat(networkRights, ownRights)},
		},
		"some namespaces, metrics for everybody": {
			values: "watchNamespaces: [team-a]\nmetrics: {secure: false}",
			want:   map[string][]string{"team-a": networkRights, "bitcoin-system": ownRights},
		},
		"no metrics": {
			values: "metrics: {enabled: false}",
			want:   map[string][]string{"": networkRights, "bitcoin-system": ownRights},
		},
		"another master key": {
			values: "masterKeySecret: other\nmetrics: {enabled: false}",
			want: map[string][]string{"": networkRights, "bitcoin-system": replace(ownRights,
				"secrets[bitcoin-controller-master-key] get list watch", "secrets[other] get list watch")},
		},
		"rights without the chart": {values: "rbac: {create: false}", want: map[string][]string{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := rights(t, release{}.objects(t, test.values), "bitcoin-system", "bitcoin-controller")
			want := map[string][]string{}
			for namespace, list := range test.want {
				want[namespace] = slices.Compact(slices.Sorted(slices.Values(list)))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rights (-wanted +granted):\n%s", diff)
			}
		})
	}
}

// With watchNamespaces nothing is rendered for the whole cluster but what exists only there.
func TestNoClusterRoleWithWatchedNamespaces(t *testing.T) {
	for values, want := range map[string][]string{
		"watchNamespaces: [a]":                                     {"bitcoin-system:bitcoin-controller:metrics-auth", "bitcoin-system:bitcoin-controller:metrics-reader"},
		"watchNamespaces: [a]\nmetrics: {secure: false}":           nil,
		"watchNamespaces: [a]\nmetrics: {enabled: false}":          nil,
		"watchNamespaces: [a]\nrbac: {create: false}":              nil,
		"rbac: {create: false, aggregateRoles: Always}":            nil,
		"rbac: {aggregateRoles: Never}\nmetrics: {enabled: false}": {"bitcoin-system:bitcoin-controller"},
	} {
		var got []string
		for _, u := range (release{}).objects(t, values) {
			if u.GetKind() == "ClusterRole" {
				got = append(got, u.GetName())
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q renders the ClusterRoles %v, want %v", values, got, want)
		}
	}
}

// Whoever reads this list knows all that the chart ever lets anybody do with Secrets.
func TestSecretsAreOutOfReach(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, u := range c.release.objects(t, c.values) {
				for _, rule := range rulesOf(t, u) {
					if slices.Contains(rule.Resources, "*") || slices.Contains(rule.Verbs, "*") || slices.Contains(rule.APIGroups, "*") {
						t.Errorf("%s has a wildcard: %v", id(u), rule)
					}
					if !slices.Contains(rule.Resources, "secrets") {
						continue
					}
					namespace := c.release.namespace
					if namespace == "" {
						namespace = "bitcoin-system"
					}
					if u.GetKind() != "Role" || u.GetNamespace() != namespace {
						t.Errorf("%s grants rights on Secrets outside the release's namespace", id(u))
					}
					if len(rule.ResourceNames) == 0 && !slices.Equal(rule.Verbs, []string{"create"}) {
						t.Errorf("%s grants %v on all Secrets", id(u), rule.Verbs)
					}
				}
			}
		})
	}
}

func TestRightsOfTheSmokeTest(t *testing.T) {
	for values, namespace := range map[string]string{
		"":                                  "bitcoin-system",
		"watchNamespaces: [team-a, team-b]": "team-a",
		"watchNamespaces: [team-a, bitcoin-system]":                 "bitcoin-system",
		"watchNamespaces: [team-a]\ntests: {namespace: playground}": "playground",
	} {
		got := rights(t, release{}.objects(t, values), "bitcoin-system", "bitcoin-controller-smoke-test")
		want := map[string][]string{namespace: {networks + " create delete get list watch"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: rights (-wanted +granted):\n%s", values, diff)
		}
	}
}

func TestAggregatedRoles(t *testing.T) {
	for values, rendered := range map[string]bool{
		lightningOn:                     true,
		"":                              true,
		"rbac: {aggregateRoles: Never}": false,
		"watchNamespaces: [a]":          false,
		"watchNamespaces: [a]\nrbac: {aggregateRoles: Always}": true,
	} {
		kinds := []string{networks}
		if values == lightningOn {
			kinds = append(kinds, lightnings)
		}
		var read, write []string
		for _, kind := range kinds {
			read = append(read, kind+" get list watch", kind+"/scale get", kind+"/status get")
			write = append(write, kind+" create delete deletecollection patch update", kind+"/scale patch update")
		}
		for role, list := range map[string][]string{"view": read, "edit": slices.Concat(read, write), "admin": slices.Concat(read, write)} {
			var got []string
			for _, u := range (release{}).objects(t, values) {
				if u.GetLabels()["rbac.authorization.k8s.io/aggregate-to-"+role] == "true" {
					for _, rule := range rulesOf(t, u) {
						got = append(got, flat(rule)...)
					}
				}
			}
			slices.Sort(got)
			expected := slices.Sorted(slices.Values(list))
			if !rendered {
				expected = nil
			}
			if diff := cmp.Diff(expected, got); diff != "" {
				t.Errorf("%q: added to %s (-wanted +granted):\n%s", values, role, diff)
			}
		}
	}
}

func TestReadersOfMetrics(t *testing.T) {
	objects := release{}.objects(t, "metrics: {readers: [{name: prometheus, namespace: monitoring}]}")
	got := rights(t, objects, "monitoring", "prometheus")
	if diff := cmp.Diff(map[string][]string{"": {"/metrics get"}}, got); diff != "" {
		t.Errorf("rights (-wanted +granted):\n%s", diff)
	}
}

// rights follows the bindings of a service account to what it may do, by namespace.
func rights(t testing.TB, objects []*unstructured.Unstructured, namespace, account string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, binding := range objects {
		if !strings.HasSuffix(binding.GetKind(), "RoleBinding") {
			continue
		}
		b := as[rbacv1.RoleBinding](t, binding) // a ClusterRoleBinding has the same fields
		if !slices.Contains(b.Subjects, rbacv1.Subject{Kind: "ServiceAccount", Name: account, Namespace: namespace}) {
			continue
		}
		found := false
		for _, role := range objects {
			if role.GetKind() != b.RoleRef.Kind || role.GetName() != b.RoleRef.Name || role.GetNamespace() != binding.GetNamespace() {
				continue
			}
			found = true
			for _, rule := range rulesOf(t, role) {
				out[binding.GetNamespace()] = append(out[binding.GetNamespace()], flat(rule)...)
			}
		}
		if !found {
			t.Errorf("%s binds %s %s, which is not rendered", id(binding), b.RoleRef.Kind, b.RoleRef.Name)
		}
	}
	for key := range out {
		slices.Sort(out[key])
		out[key] = slices.Compact(out[key])
	}
	return out
}

func rulesOf(t testing.TB, u *unstructured.Unstructured) []rbacv1.PolicyRule {
	switch u.GetKind() {
	case "ClusterRole":
		return as[rbacv1.ClusterRole](t, u).Rules
	case "Role":
		return as[rbacv1.Role](t, u).Rules
	}
	return nil
}

// flat writes a rule as one line for each resource, such as "apps/statefulsets get list", verbs sorted.
func flat(rule rbacv1.PolicyRule) []string {
	verbs := strings.Join(slices.Sorted(slices.Values(rule.Verbs)), " ")
	var out []string
	for _, url := range rule.NonResourceURLs {
		out = append(out, url+" "+verbs)
	}
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			line := strings.TrimPrefix(group+"/"+resource, "/")
			if len(rule.ResourceNames) > 0 {
				line += fmt.Sprint(rule.ResourceNames)
			}
			out = append(out, line+" "+verbs)
		}
	}
	return out
}

func replace(list []string, old, with string) []string {
	out := slices.Clone(list)
	for i := range out {
		if out[i] == old {
			out[i] = with
		}
	}
	return out
}
