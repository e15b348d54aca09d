package play

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/plugin/forward"
	"github.com/christianb93/bitcoin-controller/internal/plugin/job"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/recipes"
	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// stopTimeout is how long a program has to end after an interrupt.
const stopTimeout = 5 * time.Second

// command runs a program on this machine. It reaches the nodes through ports on loopback.
func (p *Player) command(ctx context.Context, c *scenario.Command) (any, error) {
	network, err := p.get(ctx)
	if err != nil {
		return nil, err
	}
	environment, err := p.local(network)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, c.Run[0], c.Run[1:]...) //nolint:gosec // that of the file, as of a Makefile
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = stopTimeout
	command.Env = append(os.Environ(), list(environment, c.Env)...)
	out, errOut := &tail{}, &tail{}
	command.Stdout, command.Stderr = out, errOut
	err = command.Run()
	_, exited := errors.AsType[*exec.ExitError](err)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil && !exited {
		return nil, fmt.Errorf("the program %s cannot be run: %w", c.Run[0], err)
	}
	return ended(c.Run[0], int64(command.ProcessState.ExitCode()), c.Exit, out, errOut)
}

// ended compares the exit code, and returns the output.
func ended(program string, code, want int64, out, errOut *tail) (any, error) {
	if code != want {
		return nil, fmt.Errorf("expected %s to end with exit code %d, and it ended with %d; its last lines: %s", program, want, code, brief(lastLines(errOut, out)))
	}
	return parsed(strings.TrimSpace(out.String())), nil
}

// lastLines are what a person needs first.
func lastLines(outputs ...*tail) string {
	for _, output := range outputs {
		if text := strings.TrimSpace(output.String()); text != "" {
			lines := strings.Split(text, "\n")
			return strings.Join(lines[max(0, len(lines)-3):], " / ")
		}
	}
	return "none"
}

// tail keeps the last bytes that are written to it.
type tail struct{ kept bytes.Buffer }

const maxTail = 64 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.kept.Write(b)
	if extra := t.kept.Len() - maxTail; extra > 0 {
		t.kept.Next(extra)
	}
	return len(b), nil
}

func (t *tail) String() string { return t.kept.String() }

// local are the addresses of the nodes on this machine. The ports are open until the end of the scenario.
func (p *Player) local(network *v1.BitcoinNetwork) (map[string]string, error) {
	if p.forward == nil {
		p.forward = forward.New(p.alive, p.Cluster.Dial, func(_ forward.Port, err error) { p.note("%s", err.Error()) })
		p.addrs = map[string]map[string]string{}
	}
	environment := p.common(network)
	for _, node := range noderef.Nodes(network) {
		if p.addrs[node.Pod] == nil {
			addresses := map[string]string{}
			for _, port := range recipes.Ports(network) {
				port.Pod = node.Pod
				address, err := p.forward.Listen(port)
				if err != nil {
					return nil, err
				}
				addresses[port.Name] = address
			}
			p.addrs[node.Pod] = addresses
		}
		for name, address := range p.addrs[node.Pod] {
			environment[variable(node.Ordinal, name)] = address
		}
	}
	return environment, nil
}

// common are the variables that all programs have.
func (p *Player) common(network *v1.BitcoinNetwork) map[string]string {
	return map[string]string{
		"BTCNET_NETWORK": network.Name, "BTCNET_NAMESPACE": p.Cluster.Namespace,
		"BTCNET_NODES": strconv.Itoa(len(noderef.Nodes(network))), "BTCNET_SEED": strconv.FormatInt(p.Seed, 10),
	}
}

// variable is such as BTCNET_NODE_0_RPC.
func variable(ordinal int, port string) string {
	return fmt.Sprintf("BTCNET_NODE_%d_%s", ordinal, strings.ToUpper(port))
}

func list(environment map[string]string, own map[string]scenario.Scalar) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		out = append(out, name+"="+environment[name])
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		out = append(out, name+"="+string(own[name]))
	}
	return out
}

// container runs one in the namespace, where the nodes have their names.
func (p *Player) container(ctx context.Context, c *scenario.Container, limit time.Duration) (any, error) {
	network, err := p.get(ctx)
	if err != nil {
		return nil, err
	}
	environment := p.common(network)
	for _, node := range noderef.Nodes(network) {
		at := noderef.At(node.Pod)
		for _, port := range recipes.Ports(network) {
			environment[variable(node.Ordinal, port.Name)] = fmt.Sprintf("%s.%s:%d", at.Pod, resources.ServiceName(network.Name), at.Port(port.Port))
		}
	}
	container := corev1.Container{Image: c.Image, Command: c.Command, Args: c.Arguments}
	for _, text := range list(environment, c.Env) {
		name, value, _ := strings.Cut(text, "=")
		// $(NAME) would be replaced by the kubelet.
		container.Env = append(container.Env, corev1.EnvVar{Name: name, Value: strings.ReplaceAll(value, "$(", "$$(")})
	}
	if network.Spec.Secret != "" {
		for _, key := range []string{"BC_RPC_USER", "BC_RPC_PASSWORD"} {
			container.Env = append(container.Env, corev1.EnvVar{Name: key, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: network.Spec.Secret}, Key: key,
			}}})
		}
	}
	out := &tail{}
	code, err := job.Run(ctx, p.Cluster, job.New(generated(p.Name+"-step-"+strconv.Itoa(p.number)), container), limit, out)
	if err != nil {
		return nil, err
	}
	return ended("the container of "+c.Image, int64(code), c.Exit, out, out)
}
