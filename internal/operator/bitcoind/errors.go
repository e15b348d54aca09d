package bitcoind

import (
	"errors"
	"fmt"
)

// Errors of a round trip that did not come about.
var (
	// ErrUnauthorized: the node does not know the credential, or does not let it make this call.
	ErrUnauthorized = errors.New("the node refuses the operator's credential")
	// ErrGarbage: what came back is not what bitcoind says.
	ErrGarbage = errors.New("the node's answer makes no sense")

	errTimeout = errors.New("no answer in time")
	errBusy    = errors.New("its queue of requests is full, or it is still starting")
)

// UnreachableError says that a node could not be reached, or did not answer in time.
type UnreachableError struct {
	Host string
	Err  error
}

func (e *UnreachableError) Error() string { return e.Host + ": " + e.Err.Error() }
func (e *UnreachableError) Unwrap() error { return e.Err }

// Timeout tells whether the node took the request and gave no answer in time.
func (e *UnreachableError) Timeout() bool { return errors.Is(e.Err, errTimeout) }

// The codes of bitcoind's errors that the operator decides on (src/rpc/protocol.h).
const (
	CodeNodeAlreadyAdded = -23
	CodeNodeNotAdded     = -24
	CodeInWarmup         = -28
	CodeNodeNotConnected = -29
)

// RPCError is an error that bitcoind itself returned for a call.
type RPCError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *RPCError) Error() string { return fmt.Sprintf("%s (%d)", e.Message, e.Code) }

// Reason puts an error in a class, for a metric's label: "" when nil.
func Reason(err error) string {
	var rpc *RPCError
	var away *UnreachableError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &rpc) && rpc.Code == CodeInWarmup:
		return "warmup"
	case errors.As(err, &rpc):
		return "refused"
	case errors.As(err, &away) && away.Timeout():
		return "timeout"
	case errors.As(err, &away):
		return "unreachable"
	case errors.Is(err, ErrUnauthorized):
		return "unauthorized"
	default:
		return "garbage"
	}
}

// AlreadySo tells whether an error of addnode or disconnectnode only says that somebody was there first.
func AlreadySo(err error) bool {
	var rpc *RPCError
	if !errors.As(err, &rpc) {
		return false
	}
	return rpc.Code == CodeNodeAlreadyAdded || rpc.Code == CodeNodeNotAdded || rpc.Code == CodeNodeNotConnected
}
