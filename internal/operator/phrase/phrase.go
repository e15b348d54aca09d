// Package phrase has parts of the messages of conditions and events: bounded, and the same for the same cause, since each new
// message is a write of a status.
package phrase

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
)

// maxQuoted bounds what a message quotes of a pod, a node or the API server, in bytes.
const maxQuoted = 2048

// localAddress is the operator's own end of a connection in an error of package net, which differs from one connection to the next.
var localAddress = regexp.MustCompile(`\b(read|write) (tcp|udp) \S+->`)

// Quote is what a message quotes of a pod, a node or the API server.
func Quote(text string) string { return truncate.UTF8(text, maxQuoted) }

// OfError is the text of an error of a call.
func OfError(err error) string { return Quote(localAddress.ReplaceAllString(err.Error(), "$1 $2 ")) }

// OfFailure is the message of a condition for an error that ended a reconcile pass.
func OfFailure(err error) string { return OfError(err) + "; the operator tries again" }

// JoinSome joins names, and counts those that it omits from a long list.
func JoinSome(names []string) string {
	const limit = 8
	if len(names) <= limit {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:limit], ", "), len(names)-limit)
}
