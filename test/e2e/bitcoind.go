package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/tunnel"
)

// Bitcoind is a node in a pod.
type Bitcoind struct {
	Namespace, Pod string
	Port           int32
	// DataDir is in the container.
	DataDir string
}

// rpcClient calls bitcoind in the pods of a cluster.
type rpcClient struct {
	clients *Clients
	http    http.Client
	// cookies are by node.
	cookies sync.Map
}

func newRPCClient(c *Clients) (*rpcClient, error) {
	dialer, err := tunnel.NewDialer(c.Config)
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}
	// bitcoind closes what is idle for 30 s.
	return &rpcClient{clients: c, http: http.Client{Transport: &http.Transport{DialContext: dial, IdleConnTimeout: 20 * time.Second}}}, nil
}

// CLI has the arguments and the answer of bitcoin-cli, and calls bitcoind through a port-forward: a process in a container costs the cluster a
// tenth of a second of one core, and the tests ask thousands of times. An argument that is JSON is sent as such, each other one as a string.
// The only option is -rpcwallet=NAME, in front.
func (c *Clients) CLI(ctx context.Context, at Bitcoind, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, LimitFactor()*30*time.Second)
	defer cancel()
	call := func() (string, error) { return c.bitcoind.call(ctx, at, args) }
	answer, err := call()
	_, broken := errors.AsType[*url.Error](err)
	switch {
	case errors.Is(err, errUnauthorized): // it has started again
		c.bitcoind.cookies.Delete(at)
		answer, err = call()
	case broken: // the connection may be one with the pod of before
		c.bitcoind.http.CloseIdleConnections()
		if onlyReads(args) {
			answer, err = call()
		}
	}
	if err != nil {
		return "", fmt.Errorf("%s of %s: %w", strings.Join(args, " "), at.Pod, err)
	}
	return answer, nil
}

// ErrNoCookie means that the cookie of a node cannot be read: bitcoind does not run, or the cluster nodes are no containers of Docker's.
var ErrNoCookie = errors.New("the cookie cannot be read")

var errUnauthorized = errors.New("the cookie is another one")

func (r *rpcClient) call(ctx context.Context, at Bitcoind, args []string) (string, error) {
	wallet, body, err := requestOf(args)
	if err != nil {
		return "", err
	}
	cookie, err := r.cookie(ctx, at)
	if err != nil {
		return "", err
	}
	host := net.JoinHostPort(at.Pod+"."+at.Namespace, strconv.Itoa(int(at.Port)))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+host+wallet, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	user, password, _ := strings.Cut(cookie, ":")
	request.SetBasicAuth(user, password)
	response, err := r.http.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode == http.StatusUnauthorized {
		return "", errUnauthorized
	}
	return answerOf(text)
}

// cookie reads the password for programs in the container, which has no program to read it with: from outside of it, on the cluster node.
func (r *rpcClient) cookie(ctx context.Context, at Bitcoind) (string, error) {
	if known, ok := r.cookies.Load(at); ok {
		return known.(string), nil //nolint:forcetypeassert // the map has no others
	}
	pod, err := r.clients.Core.CoreV1().Pods(at.Namespace).Get(ctx, at.Pod, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	id := containerID(pod, "bitcoind")
	if id == "" {
		return "", fmt.Errorf("%w: no bitcoind runs in %s", ErrNoCookie, at.Pod)
	}
	const read = `cat "/proc/$(cat /run/containerd/io.containerd.runtime.v2.task/k8s.io/$1/init.pid)/root$2"`
	var errOut bytes.Buffer
	run := exec.CommandContext(ctx, "docker", "exec", pod.Spec.NodeName, "sh", "-c", read, "cookie", id, //nolint:gosec // a test's own script
		path.Join(at.DataDir, "regtest/.cookie"))
	run.Stderr = &errOut
	out, err := run.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w: %s", ErrNoCookie, at.Pod, err, errOut.String())
	}
	r.cookies.Store(at, string(out))
	return string(out), nil
}

// containerID is that of a container that runs, without the name of the runtime.
func containerID(pod *corev1.Pod, container string) string {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == container && status.State.Running != nil {
			_, id, _ := strings.Cut(status.ContainerID, "://")
			return id
		}
	}
	return ""
}

// walletOf splits the wallet off the arguments; false if they have none.
func walletOf(args []string) (name string, call []string, ok bool) {
	if len(args) > 0 {
		if name, ok = strings.CutPrefix(args[0], "-rpcwallet="); ok {
			return name, args[1:], true
		}
	}
	return "", args, false
}

// onlyReads reports whether a call may be sent twice.
func onlyReads(args []string) bool {
	_, call, _ := walletOf(args)
	return len(call) > 0 && call[0] != "getnewaddress" && (strings.HasPrefix(call[0], "get") || strings.HasPrefix(call[0], "list"))
}

// requestOf is the path and the body of a call.
func requestOf(args []string) (wallet string, body []byte, err error) {
	wallet = "/"
	if name, call, ok := walletOf(args); ok {
		wallet, args = "/wallet/"+url.PathEscape(name), call
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return "", nil, fmt.Errorf("no method, or an option, in %q", args)
	}
	params := []json.RawMessage{}
	for _, arg := range args[1:] {
		param := []byte(arg)
		if !json.Valid(param) {
			if param, err = json.Marshal(arg); err != nil {
				return "", nil, err
			}
		}
		params = append(params, param)
	}
	body, err = json.Marshal(map[string]any{"id": 1, "method": args[0], "params": params})
	return wallet, body, err
}

// answerOf is the result as bitcoin-cli prints it: a string without quotes, nothing for null.
func answerOf(body []byte) (string, error) {
	var answer struct {
		Result json.RawMessage
		Error  *struct {
			Code    int
			Message string
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", fmt.Errorf("the answer is no JSON: %w: %.200s", err, body)
	}
	if answer.Error != nil {
		return "", fmt.Errorf("error code: %d: %s", answer.Error.Code, answer.Error.Message)
	}
	var text string
	switch result := answer.Result; {
	case len(result) == 0 || string(result) == "null":
		return "", nil
	case json.Unmarshal(result, &text) == nil:
		return text, nil
	default:
		return string(result), nil
	}
}
