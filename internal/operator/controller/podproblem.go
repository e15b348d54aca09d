package controller

import (
	"fmt"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/nodelog"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	"github.com/christianb93/bitcoin-controller/internal/operator/podproblem"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// problems of the pods of nodes.
var problems = podproblem.Kind{
	MissingSecret: fmt.Sprintf("create the Secret that spec.secret names in this namespace, with the keys %s and %s, and the nodes start without further action",
		rpcauth.UserKey, rpcauth.PasswordKey),
	// With an image volume, bitcoind's own container uses the Secret.
	NeedsSecret: func(container, message string) bool {
		return container == resources.InitContainerName || strings.Contains(strings.ToLower(message), "secret")
	},
	LostVolume: func(pod string) (claim, consequence string) {
		return resources.ClaimName(pod), "the node then starts without its wallets and gets the chain from the others"
	},
	DescribeEnd: describeEnd,
}

// problem of a node: that of its pod, or in a pod that runs that of its own process.
func (n *node) problem() (problem podproblem.Problem, found bool) {
	if !n.podReady {
		if problem, found := problems.Of(n.pod); found {
			return problem, true
		}
	}
	if !n.failing {
		return podproblem.Problem{}, false
	}
	return podproblem.Problem{Reason: v1.ReasonNodeFailing, Message: fmt.Sprintf("Node %s cannot run%s; see the lines of kubectl logs %s that begin with [%d]", n.name(), lastExit(n.reported), n.podName, n.slot)}, true
}

// lastExit describes how the process of a node in a shared pod ended, "" if it has not.
func lastExit(reported *api.Node) string {
	if reported.LastExit == nil {
		return ""
	}
	return ": " + describeEnd(reported.LastExit.Code, max(reported.Started-1, 0), reported.LastExit.Output)
}

// describeEnd describes how bitcoind ended, from what it wrote last.
func describeEnd(exitCode, restarts int, output string) string {
	description := fmt.Sprintf("the last run ended with exit code %d, after %d restarts", exitCode, restarts)
	if output != "" {
		description += ": " + phrase.Quote(nodelog.Cause(output))
		if nodelog.VolumeFull(output) {
			description += "; the data volume is full or cannot be written: enlarge spec.storage.size, or free space on the cluster node if spec.storage is not set"
		}
	}
	return description
}
