package chart_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// What the page in the cluster reads for its viewers: no pod, no Secret, and nothing that changes anything.
var pageRights = []string{networks + " list watch", "events list watch"}

// What it reads in addition when there are Lightning networks.
var pageLightningRights = slices.Concat(pageRights, []string{"bitcoincontroller.christianb93.github.com/lightningnetworks list watch"})

func TestRightsOfThePage(t *testing.T) {
	for values, want := range map[string]map[string][]string{
		"page: {enabled: true}": {"": slices.Concat(pageRights, metricsRights)},
		"page: {enabled: true}\nwatchNamespaces: [team-a, team-b]":                     {"": metricsRights, "team-a": pageRights, "team-b": pageRights},
		"page: {enabled: true}\nlightning: {enabled: true}":                            {"": slices.Concat(pageLightningRights, metricsRights)},
		"page: {enabled: true}\nlightning: {enabled: true}\nwatchNamespaces: [team-a]": {"": metricsRights, "team-a": pageLightningRights},
		"page: {enabled: true}\nrbac: {create: false}":                                 {},
		"page: {enabled: true}\nserviceAccount: {create: false, name: shared}":         {"": slices.Concat(pageRights, metricsRights)},
		"": {},
	} {
		for namespace := range want {
			slices.Sort(want[namespace])
		}
		objects := release{}.objects(t, values)
		if diff := cmp.Diff(want, rights(t, objects, "bitcoin-system", "bitcoin-controller-page")); diff != "" {
			t.Errorf("%q: rights (-wanted +granted):\n%s", values, diff)
		}
	}
}

func TestThePageIsOffByDefault(t *testing.T) {
	for _, u := range (release{}).objects(t, "") {
		if strings.Contains(u.GetName(), "page") {
			t.Errorf("%s is rendered", id(u))
		}
	}
}

// The definition of Lightning networks stays when they are switched off, and the right of the page does not.
func TestThePageShowsLightningNetworksOnlyWithTheRightToThem(t *testing.T) {
	for values, want := range map[string]string{"": "--lightning=false", "\nlightning: {enabled: true}": "--lightning=true"} {
		pod := pods(t, release{}.objects(t, "page: {enabled: true}"+values))["Deployment of the page"]
		if args := pod.Spec.Containers[0].Args; !slices.Contains(args, want) {
			t.Errorf("%q: the arguments are %q, without %s", values, args, want)
		}
	}
}

// The page has neither the operator's account, nor a volume but that of its certificate, nor anything in its environment.
func TestThePageHasAnAccountAndAPodOfItsOwn(t *testing.T) {
	for values, volumes := range map[string]int{"page: {enabled: true}": 0, "page: {enabled: true, tlsSecret: page-tls}": 1, "page: {enabled: true}\nserviceAccount: {name: operator}": 0} {
		pod := pods(t, release{}.objects(t, values))["Deployment of the page"]
		if pod.Spec.ServiceAccountName != "bitcoin-controller-page" || len(pod.Spec.Volumes) != volumes || len(pod.Spec.Containers) != 1 {
			t.Errorf("%q: the account is %s, the volumes are %v", values, pod.Spec.ServiceAccountName, pod.Spec.Volumes)
		}
		container := pod.Spec.Containers[0]
		if len(container.Env) > 0 || len(container.EnvFrom) > 0 || slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return !m.ReadOnly }) {
			t.Errorf("%q: the environment is %v, the mounts are %v", values, container.Env, container.VolumeMounts)
		}
	}
}
