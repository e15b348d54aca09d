package resources

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// The nodes of earlier releases have other defaults in bitcoin.conf, allow the operator fewer calls, and have another readiness probe
// and no home directory. They keep this until something else changes in their pods: an upgrade of the operator must restart no node,
// because a network without storage may have only one with its chain.

// earlierMethods are the bitcoind.Methods of earlier releases.
var earlierMethods = []string{
	"addnode", "disconnectnode", "generatetoaddress", "generatetodescriptor", "getaddednodeinfo", "getblockchaininfo",
	"getblockhash", "getnetworkinfo", "getpeerinfo",
}

// earlierOptions are the defaultOptions of earlier releases.
var earlierOptions = map[string]string{
	"dbcache": "4", "discover": "0", "dnsseed": "0", "fallbackfee": "0.0001", "fixedseeds": "0", "listenonion": "0",
	"maxmempool": "16", "maxsigcachesize": "2", "maxtipage": "3153600000", "natpmp": "0", "par": "1", "rpcthreads": "4", "rpcworkqueue": "64", "timeout": "1000",
}

// HasEarlierNodes reports whether an earlier release built an existing StatefulSet.
func HasEarlierNodes(set *appsv1.StatefulSet) bool {
	containers := set.Spec.Template.Spec.Containers
	return len(containers) > 0 && !slices.ContainsFunc(containers[0].Env, func(e corev1.EnvVar) bool { return e.Name == homeVariable })
}

// asEarlier makes the container of a node that of earlier releases.
func asEarlier(node *corev1.Container) {
	node.ReadinessProbe.TimeoutSeconds, node.ReadinessProbe.FailureThreshold = 3, 3
	node.Env = slices.DeleteFunc(node.Env, func(e corev1.EnvVar) bool { return e.Name == homeVariable })
	node.VolumeMounts = slices.DeleteFunc(node.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == homeConfigPath })
}
