package api

import (
	"path"
	"strconv"
)

// Files in a pod with several nodes.
const (
	// NodesDir has a directory for each slot with its configuration. It is in memory and lasts as long as the pod. It is also the home
	// directory of the container: bitcoin-cli without arguments reaches the first node.
	NodesDir = "/nodes"
	// SlotsDir has the files of a ConfigMap, whose keys are NodesKey, NodesPerPodKey and RevisionKey.
	SlotsDir = "/run/bitcoin-slots"
)

// KeptKey in the same ConfigMap is for the operator: the highest number of nodes of which it has removed some without a proof that other
// nodes have their blocks. It is missing if there are none.
const KeptKey = "kept"

// Keys of the ConfigMap with what a pod's share of its group follows from. It is no part of the pod template: a network that is scaled
// would restart its pods.
const (
	NodesKey       = "nodes"
	NodesPerPodKey = "nodesPerPod"
	RevisionKey    = "revision"
)

// Environment variables of the container.
const (
	PodNameVariable = "POD_NAME"
	// PodIPsVariable has the addresses of the pod, with commas.
	PodIPsVariable = "POD_IPS"
)

// Placeholders of the pod's addresses in bitcoin.conf: no constant fits both IPv4 and IPv6, since bitcoind does not start when it cannot
// bind one of its addresses.
const (
	// PodIP is the pod's first address.
	PodIP = "$(POD_IP)"
	// PodIPs in a line stands for one such line for each address.
	PodIPs = "$(POD_IPS)"
)

// ConfigPath is the bitcoin.conf of a node, for bitcoin-cli -conf.
func ConfigPath(slot int) string { return path.Join(NodesDir, strconv.Itoa(slot), "bitcoin.conf") }

// DataDir is the data directory of a node below that of the pod.
func DataDir(podDir string, slot int) string { return path.Join(podDir, "nodes", strconv.Itoa(slot)) }
