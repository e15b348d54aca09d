package api

// CallsFlag makes the program call bitcoin-cli for nodes of its pod instead of running them: kubectl exec starts it once for all nodes of
// a pod, because each of its streams costs the cluster much more than a call of bitcoin-cli. The program of an earlier release does
// not know the flag and ends at once, before it has written anything. Input and output are lines of JSON.
const CallsFlag = "calls"

// MaxPartBytes limits the output in one Part, and MaxPartLine the line that it is in.
const (
	MaxPartBytes = 32 << 10
	MaxPartLine  = 4 * MaxPartBytes
)

// Call is a line of the input. The end of the input ends all calls.
type Call struct {
	// ID is that of one call, chosen by the caller.
	ID int `json:"id"`
	// Slot of the node and arguments for bitcoin-cli, after that with the configuration.
	Slot      int      `json:"slot"`
	Arguments []string `json:"arguments,omitempty"`
	// Cancel ends the call with this ID.
	Cancel bool `json:"cancel,omitempty"`
}

// Part is a line of the output: a piece of the output of a call, or its end.
type Part struct {
	// Ready is true in the first line only, which belongs to no call: the program takes calls.
	Ready bool   `json:"ready,omitempty"`
	ID    int    `json:"id"`
	Out   []byte `json:"out,omitempty"`
	Err   []byte `json:"err,omitempty"`
	// Exit is the exit code, 128 and the number of the signal for a process that a signal ended; nil before the end.
	Exit *int `json:"exit,omitempty"`
}
