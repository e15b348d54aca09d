package bitcoind

import (
	"errors"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
)

// Errors of a failed round trip.
var (
	// ErrUnauthorized means that the node does not know the credential, or does not allow it to make this call.
	ErrUnauthorized = errors.New("the node rejects the operator's credential")
	// ErrGarbage means that the response does not have bitcoind's format.
	ErrGarbage = errors.New("the response is not valid")

	errTimeout     = errors.New("no answer in time")
	errUnavailable = errors.New("the node is starting or stopping")
	errQueueFull   = errors.New("the request queue of the node is full")
)

// UnreachableError means that a node could not be reached, or did not answer in time.
type UnreachableError struct {
	Host string
	Err  error
}

func (e *UnreachableError) Error() string {
	// net/http quotes a line of the response that is not HTTP, however long it is.
	return e.Host + ": " + truncate.UTF8(e.Err.Error(), maxErrorBytes)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// Timeout reports whether the node accepted the request and did not answer in time.
func (e *UnreachableError) Timeout() bool { return errors.Is(e.Err, errTimeout) }

// QueueFull reports whether the node rejected the request because too many others wait for one of its RPC threads.
func (e *UnreachableError) QueueFull() bool { return errors.Is(e.Err, errQueueFull) }

// The codes of bitcoind's errors that the operator handles (src/rpc/protocol.h).
const (
	CodeInvalidAddress   = -5
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

// bounded is the error with a message that is not too long.
func (e *RPCError) bounded() *RPCError {
	return &RPCError{Code: e.Code, Message: truncate.UTF8(e.Message, maxErrorBytes)}
}

// Reason returns the class of an error, for the label of a metric, "" for nil.
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

// AlreadySo reports whether an error of addnode or disconnectnode means that the desired state already exists.
func AlreadySo(err error) bool {
	var rpc *RPCError
	if !errors.As(err, &rpc) {
		return false
	}
	return rpc.Code == CodeNodeAlreadyAdded || rpc.Code == CodeNodeNotAdded || rpc.Code == CodeNodeNotConnected
}
