package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// LNDError is an error that LND or lncli returned for a call.
type LNDError struct {
	Pod string
	// Code is that of gRPC, such as AlreadyExists; empty for an error of lncli.
	Code    string
	Message string
}

func (e *LNDError) Error() string {
	return fmt.Sprintf("LND in %s returned an error: %s", e.Pod, terminal.Line(e.Message))
}

// lncliProgram is lncli for the LND of its pod, also with an image whose environment differs. LND listens on IPv4.
func lncliProgram() []string {
	return []string{"lncli", "--lnddir=" + api.DataDir, "--network=regtest", fmt.Sprintf("--rpcserver=127.0.0.1:%d", v1.LightningGRPCPort)}
}

// StreamLNCLI runs lncli with the arguments of a person. An *ExitError has its exit code.
func (c *Client) StreamLNCLI(ctx context.Context, pod string, arguments []string, in io.Reader, out, errOut io.Writer) error {
	err := c.Lightning.Exec(ctx, c.Namespace, pod, append(lncliProgram(), arguments...), in, out, errOut)
	return c.ended(ctx, err, "lncli", pod)
}

// LNCLI runs lncli and returns its output, also that of a call that failed.
func (c *Client) LNCLI(ctx context.Context, pod string, arguments ...string) (string, error) {
	return c.LNCLIWithin(ctx, callTimeout, pod, arguments...)
}

// LNCLIWithin is LNCLI for a call that may take longer.
func (c *Client) LNCLIWithin(ctx context.Context, limit time.Duration, pod string, arguments ...string) (string, error) {
	out, errOut := &bounded{left: maxOutput}, &bounded{left: maxOutput}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := c.StreamLNCLI(limited, pod, arguments, nil, out, errOut)
	text := strings.TrimRight(out.String(), "\r\n")
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return "", &NodeError{Pod: pod, Text: fmt.Sprintf("no answer within %s", limit)}
	}
	if exit, found := errors.AsType[*ExitError](err); found {
		return text, lncliError(pod, exit, errOut.String())
	}
	if err == nil && out.left < 0 {
		err = &NodeError{Pod: pod, Text: fmt.Sprintf("its output has more than %d bytes", maxOutput)}
	}
	return text, err
}

// AskLND runs lncli and decodes its output.
func AskLND[T any](ctx context.Context, c *Client, pod string, arguments ...string) (T, error) {
	text, err := c.LNCLI(ctx, pod, arguments...)
	return decode[T](pod, text, err)
}

var (
	// rpcError is how lncli reports an error of LND.
	rpcError = regexp.MustCompile(`(?s)rpc error: code = (\w+) desc = (.*)`)
	// starting are errors of an LND that does not answer yet: lncli finds no certificate, or LND accepts no calls.
	starting = regexp.MustCompile(`could not load global options|waiting to start|not yet ready to accept calls|wallet locked|wallet not created|starting up`)
)

func lncliError(pod string, exit *ExitError, text string) error {
	text = strings.TrimPrefix(strings.TrimSpace(text), "[lncli] ")
	code := ""
	if match := rpcError.FindStringSubmatch(text); match != nil {
		code, text = match[1], match[2]
	}
	first, _, _ := strings.Cut(text, "\n")
	switch {
	case first == "":
		return &NodeError{Pod: pod, Text: exit.Error()}
	case code == "Unavailable" || starting.MatchString(first):
		return &NodeError{Pod: pod, Text: first}
	}
	return &LNDError{Pod: pod, Code: code, Message: first}
}
