//go:build faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// backendPort is where bitcoind really answers RPC, and backendSupervisor where a supervisor answers: the operator's requests to the
// usual ports go through the proxies.
const (
	backendPort       = 18499
	backendSupervisor = 18489
)

// container runs the bitcoind of one pod, or its supervisor with several of them, in a root directory of its own.
type container struct {
	wire
	// perPod is the number of nodes in a pod with a supervisor; 0 for a pod with one node.
	perPod  int
	pod     *corev1.Pod
	root    string
	clients kubernetes.Interface
	faults  *rpcFaults
	machine *machine
	// unplugged is set when the machine has lost power: the container runs again in a network of its own only.
	unplugged atomic.Bool

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
	if c.perPod > 0 {
		args = slices.Insert(args, 1, fmt.Sprint("--listen=:", backendSupervisor))
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

// forget empties what is in the memory of the pod.
func (c *container) forget() error { return os.RemoveAll(filepath.Join(c.root, api.NodesDir)) }

// mount copies the ConfigMaps to their mounts. The image and the programs of the operator's image are in the root already.
func (c *container) mount(ctx context.Context, spec corev1.Container) error {
	for _, dir := range []string{"data", "nodes", "run/bitcoin", "tmp"} {
		if err := os.MkdirAll(filepath.Join(c.root, dir), 0o750); err != nil {
			return err
		}
	}
	// The supervisor gives it to its nodes.
	null := filepath.Join(c.root, os.DevNull)
	if err := os.MkdirAll(filepath.Dir(null), 0o755); err != nil { //nolint:gosec // as on every machine
		return err
	}
	if err := unix.Mknod(null, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil && !errors.Is(err, os.ErrExist) { //nolint:gosec // a small number
		return err
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
			if mount.SubPath == "" {
				if err := writeDirectory(path, config); err != nil {
					return err
				}
				continue
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
				return err
			}
			// It may be a link to the image's, which all pods have.
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			text := config.Data[mount.SubPath]
			if c.perPod > 0 {
				text = strings.Replace(text, fmt.Sprintf("\nrpcport=%d\n", v1.RPCPort), fmt.Sprintf("\nrpcport=%d\n", backendPort), 1)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeDirectory replaces the files of a ConfigMap together, as the kubelet does.
func writeDirectory(dir string, config *corev1.ConfigMap) error {
	version := "..version-" + config.ResourceVersion
	if err := os.MkdirAll(filepath.Join(dir, version), 0o750); err != nil {
		return err
	}
	for key, value := range config.Data {
		if err := os.WriteFile(filepath.Join(dir, version, key), []byte(value), 0o600); err != nil {
			return err
		}
		if err := os.Symlink(filepath.Join("..data", key), filepath.Join(dir, key)); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	link := filepath.Join(dir, "..data")
	if err := os.Symlink(version, link+"_tmp"); err != nil {
		return err
	}
	return os.Rename(link+"_tmp", link)
}

// refresh brings mounted directories up to date, as the kubelet does from time to time.
func (c *container) refresh(ctx context.Context) error {
	for _, volume := range c.pod.Spec.Volumes {
		for _, mount := range c.pod.Spec.Containers[0].VolumeMounts {
			if volume.ConfigMap == nil || mount.Name != volume.Name || mount.SubPath != "" {
				continue
			}
			config, err := c.clients.CoreV1().ConfigMaps(c.pod.Namespace).Get(ctx, volume.ConfigMap.Name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			if err := writeDirectory(filepath.Join(c.root, mount.MountPath), config); err != nil {
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
		case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.name":
			value = c.pod.Name
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
	port := backendPort
	if c.perPod > 0 {
		port = backendSupervisor
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s:%d%s", c.address, port, probe.HTTPGet.Path), nil)
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
