package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	lndresources "github.com/christianb93/bitcoin-controller/internal/operator/lightning/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// Executor runs a command in the container of a node.
type Executor interface {
	Exec(ctx context.Context, namespace, pod string, command []string, in io.Reader, out, errOut io.Writer) error
}

// NewExecutors return Executors for the cluster of a configuration, which work as kubectl exec does: for the containers of bitcoind, and
// for those of LND.
func NewExecutors(config *rest.Config, core kubernetes.Interface) (bitcoin, lightning Executor) {
	return &executor{config, core, resources.ContainerName}, &executor{config, core, lndresources.ContainerName}
}

type executor struct {
	config    *rest.Config
	core      kubernetes.Interface
	container string
}

func (e *executor) Exec(ctx context.Context, namespace, pod string, command []string, in io.Reader, out, errOut io.Writer) error {
	url := e.core.CoreV1().RESTClient().Post().Resource("pods").Name(pod).Namespace(namespace).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: e.container, Command: command, Stdin: in != nil, Stdout: true, Stderr: true,
		}, scheme.ParameterCodec).URL()
	spdy, err := remotecommand.NewSPDYExecutor(e.config, "POST", url)
	if err != nil {
		return err
	}
	socket, err := remotecommand.NewWebSocketExecutor(e.config, "GET", url.String())
	if err != nil {
		return err
	}
	// An answer of the API server would be the same the second time.
	both, err := remotecommand.NewFallbackExecutor(socket, spdy, func(err error) bool {
		return (httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)) && statusOf(err) == nil
	})
	if err != nil {
		return err
	}
	return both.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: in, Stdout: out, Stderr: errOut})
}

// program is bitcoin-cli in every image, with the configuration of the node.
func program(at noderef.Place) []string {
	return []string{"bitcoin-cli", "-conf=" + at.Configuration()}
}

// Stream runs bitcoin-cli with the arguments of a person. An *ExitError has its exit code.
func (c *Client) Stream(ctx context.Context, pod string, arguments []string, in io.Reader, out, errOut io.Writer) error {
	at := noderef.At(pod)
	err := c.Pods.Exec(ctx, c.Namespace, at.Pod, append(program(at), arguments...), in, out, errOut)
	return c.ended(ctx, err, "bitcoin-cli", pod)
}

// ended is the error of a program in a pod.
func (c *Client) ended(ctx context.Context, err error, program, pod string) error {
	if exit, found := errors.AsType[exec.CodeExitError](err); found {
		return &ExitError{Program: program, Code: exit.Code}
	}
	return c.explainExec(ctx, err, pod)
}

// ExitError is the exit code of bitcoin-cli or lncli, which has written why.
type ExitError struct {
	Program string
	Code    int
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s ended with exit code %d", e.Program, e.Code)
}

// maxOutput bounds what is read from a node, whose program may be any.
const maxOutput = 64 << 20

// callTimeout is longer than any call takes that is no wait.
const callTimeout = 2 * time.Minute

// CLI runs bitcoin-cli and returns its output, without the line break at the end.
func (c *Client) CLI(ctx context.Context, pod string, arguments ...string) (string, error) {
	return c.cli(ctx, callTimeout, pod, nil, arguments)
}

// cli runs bitcoin-cli for as long as the limit, or as the context allows if that is 0. The wait for other calls of the pod is not limited.
func (c *Client) cli(ctx context.Context, limit time.Duration, pod string, in io.Reader, arguments []string) (string, error) {
	through, done, err := c.wayTo(ctx, pod, arguments, in)
	if err != nil {
		return "", err
	}
	defer done()
	limited, cancel := ctx, context.CancelFunc(func() {})
	if limit > 0 {
		limited, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	out, errOut := &bounded{left: maxOutput}, &bounded{left: maxOutput}
	err = through(limited, out, errOut)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return "", &NodeError{Pod: pod, Text: fmt.Sprintf("no answer within %s", limit)}
	}
	if exit, found := errors.AsType[*ExitError](err); found {
		return "", cliError(pod, exit, errOut.String())
	}
	if err == nil && out.left < 0 {
		err = &NodeError{Pod: pod, Text: fmt.Sprintf("its output has more than %d bytes", maxOutput)}
	}
	return strings.TrimRight(out.String(), "\r\n"), err
}

// Ask runs bitcoin-cli and decodes its output.
func Ask[T any](ctx context.Context, c *Client, pod string, arguments ...string) (T, error) {
	text, err := c.CLI(ctx, pod, arguments...)
	return decode[T](pod, text, err)
}

// AskWith is Ask with further arguments on standard input, one a line: a process gets at most 128 KiB in one argument.
func AskWith[T any](ctx context.Context, c *Client, pod string, input []string, arguments ...string) (T, error) {
	text, err := c.cli(ctx, callTimeout, pod, lines(input), append([]string{"-stdin"}, arguments...))
	return decode[T](pod, text, err)
}

// AskLong is AskWith for a call that takes as long as the context allows: one that is given up continues in bitcoind.
func AskLong[T any](ctx context.Context, c *Client, pod string, input []string, arguments ...string) (T, error) {
	text, err := c.cli(ctx, 0, pod, lines(input), append([]string{"-stdin"}, arguments...))
	return decode[T](pod, text, err)
}

func lines(input []string) io.Reader { return strings.NewReader(strings.Join(input, "\n") + "\n") }

func decode[T any](pod, text string, err error) (T, error) {
	var answer T
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return answer, &NodeError{Pod: pod, Text: fmt.Sprintf("its answer is not the expected JSON: %v", err), Err: err}
	}
	return answer, nil
}

// errorCode is how bitcoin-cli reports an error of bitcoind.
var errorCode = regexp.MustCompile(`(?s)error code: (-?\d+)\s*error message:\s*(.*)`)

func cliError(pod string, exit *ExitError, text string) error {
	text = strings.TrimSpace(text)
	if match := errorCode.FindStringSubmatch(text); match != nil {
		code, err := strconv.Atoi(match[1])
		if err == nil && code != CodeWarmup {
			return &RPCError{Pod: pod, Code: code, Message: match[2]}
		}
		text = match[2]
	}
	if text == "" {
		text = exit.Error()
	}
	first, _, _ := strings.Cut(text, "\n")
	return &NodeError{Pod: pod, Text: first}
}

func (c *Client) explainExec(ctx context.Context, err error, pod string) error {
	status := statusOf(err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case status == nil:
		return &NodeError{Pod: pod, Err: err}
	case apierrors.IsForbidden(status) && lacksRight(status.ErrStatus.Message):
		return &MissingRight{Verb: "create", Resource: "pods/exec", Namespace: c.Namespace}
	case apierrors.IsUnauthorized(status):
		return c.explain(status, "", "", "")
	case apierrors.IsNotFound(status):
		return &NodeError{Pod: pod, Text: "its pod does not exist", Err: errors.New("pod not found")}
	default:
		// A container that is not running is a bad request or an internal error, and passes.
		return &NodeError{Pod: pod, Text: status.ErrStatus.Message, Err: errors.New(status.ErrStatus.Message)}
	}
}

// lacksRight is how the API server words a missing right; policies and quotas use other words.
func lacksRight(message string) bool { return strings.Contains(message, " cannot ") }

// bounded keeps the first bytes that are written to it. It does not embed the buffer, whose ReadFrom knows no bound.
type bounded struct {
	kept bytes.Buffer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left >= len(p) {
		b.kept.Write(p)
	}
	b.left -= len(p)
	return len(p), nil
}

func (b *bounded) String() string { return b.kept.String() }
