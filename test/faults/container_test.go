//go:build faults

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// backendPort is where bitcoind really answers RPC: the operator's requests to the usual port go through the proxy.
const backendPort = 18499

// container runs the bitcoind of one pod, in a root directory of its own.
type container struct {
	wire
	pod     *corev1.Pod
	root    string
	clients kubernetes.Interface
	faults  *rpcFaults

	mu      sync.Mutex
	process *os.Process
	frozen  bool
}

// start writes what the kubelet mounts and starts the pod's command. ended is closed when the process has ended.
func (c *container) start(ctx context.Context, log io.Writer) (ended chan struct{}, err error) {
	spec := c.pod.Spec.Containers[0]
	if err := c.mount(ctx, spec); err != nil {
		return nil, err
	}
	env, err := c.environment(ctx, spec)
	if err != nil {
		return nil, err
	}
	args := append([]string{}, spec.Command...)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$(POD_IP)", c.address)
		if strings.HasPrefix(args[i], "-rpcbind=") {
			args[i] += fmt.Sprint(":", backendPort)
		}
	}
	program := args[0]
	if !strings.Contains(program, "/") {
		program = "/usr/local/bin/" + program
	}
	cmd := &exec.Cmd{Path: program, Args: args, Env: append(env, "PATH=/usr/local/bin"), Dir: "/", Stdout: log, Stderr: log}
	// The thread that starts it ends, which would count as the death of the parent: the process namespace ends it instead.
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root}
	if err := c.within(cmd.Start); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.process, c.frozen = cmd.Process, false
	c.mu.Unlock()
	ended = make(chan struct{})
	go func() {
		_ = cmd.Wait() //nolint:errcheck // how it ended is in its log
		c.mu.Lock()
		c.process = nil
		c.mu.Unlock()
		close(ended)
	}()
	return ended, nil
}

// mount copies the ConfigMaps to their mounts. The image and the program rpcauth are in the root already.
func (c *container) mount(ctx context.Context, spec corev1.Container) error {
	for _, dir := range []string{"data", "run/bitcoin", "tmp"} {
		if err := os.MkdirAll(filepath.Join(c.root, dir), 0o750); err != nil {
			return err
		}
	}
	for _, volume := range c.pod.Spec.Volumes {
		if volume.ConfigMap == nil {
			continue
		}
		config, err := c.clients.CoreV1().ConfigMaps(c.pod.Namespace).Get(ctx, volume.ConfigMap.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, mount := range spec.VolumeMounts {
			if mount.Name != volume.Name {
				continue
			}
			path := filepath.Join(c.root, mount.MountPath)
			if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte(config.Data[mount.SubPath]), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *container) environment(ctx context.Context, spec corev1.Container) (env []string, err error) {
	for _, v := range spec.Env {
		value := v.Value
		switch from := v.ValueFrom; {
		case from == nil:
		case from.FieldRef != nil:
			value = c.address
		case from.SecretKeyRef != nil:
			secret, err := c.clients.CoreV1().Secrets(c.pod.Namespace).Get(ctx, from.SecretKeyRef.Name, metav1.GetOptions{})
			if err != nil {
				return nil, err
			}
			value = string(secret.Data[from.SecretKeyRef.Key])
		}
		env = append(env, v.Name+"="+value)
	}
	return env, nil
}

// signal sends a signal to the process, if it runs.
func (c *container) signal(s syscall.Signal) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return false
	}
	switch s {
	case syscall.SIGSTOP:
		c.frozen = true
	case syscall.SIGCONT:
		c.frozen = false
	}
	return c.process.Signal(s) == nil
}

// probe is the readiness probe of the pod's template.
func (c *container) probe(ctx context.Context) bool {
	probe := c.pod.Spec.Containers[0].ReadinessProbe
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s:%d%s", c.address, backendPort, probe.HTTPGet.Path), nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	return answer.StatusCode < 400
}

// call asks bitcoind itself, with the cookie that it writes for those who can read its files.
func (c *container) call(ctx context.Context, method string, result any, params ...any) error {
	cookie, err := os.ReadFile(filepath.Join(c.root, "data/regtest/.cookie"))
	if err != nil {
		return err
	}
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://%s:%d/", c.address, backendPort), strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	user, password, _ := strings.Cut(string(cookie), ":")
	request.SetBasicAuth(user, password)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	var got struct {
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		return err
	}
	if got.Error != nil {
		return errors.New(got.Error.Message)
	}
	return json.Unmarshal(got.Result, result)
}
