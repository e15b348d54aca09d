package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
)

// Exec runs a command in a container, with the text on its standard input unless that is "", and returns its standard output without
// surrounding white space.
func (c *Clients) Exec(ctx context.Context, namespace, pod, container, stdin string, command ...string) (string, error) {
	request := c.Core.CoreV1().RESTClient().Post().Resource("pods").Name(pod).Namespace(namespace).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: container, Command: command, Stdin: stdin != "", Stdout: true, Stderr: true,
		}, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(c.Config, "GET", request.URL().String())
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, LimitFactor()*30*time.Second)
	defer cancel()
	var out, errOut bytes.Buffer
	options := remotecommand.StreamOptions{Stdout: &out, Stderr: &errOut}
	if stdin != "" {
		options.Stdin = strings.NewReader(stdin)
	}
	if err := executor.StreamWithContext(ctx, options); err != nil {
		return strings.TrimSpace(out.String()), fmt.Errorf("%s in %s: %w: %s", strings.Join(command, " "), pod, err, errOut.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// Beside runs a shell command on the cluster node of a pod, in which $p is the directory in /proc of a program in that pod. With an argument,
// it is the process of that program which has this argument.
func (c *Clients) Beside(ctx context.Context, namespace, pod, program, argument, command string) (string, error) {
	const search = `for p in /proc/[0-9]*; do
		grep -q "$1" $p/cgroup 2>/dev/null && [ "$(cat $p/comm)" = "$2" ] && { [ -z "$3" ] || grep -qzx -- "$3" $p/cmdline; } && eval "$4" && exit 0
	done; exit 1`
	p, err := c.Core.CoreV1().Pods(namespace).Get(ctx, pod, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	uid := string(p.UID)
	var errOut bytes.Buffer
	run := exec.CommandContext(ctx, "docker", "exec", p.Spec.NodeName, "sh", "-c", search, "beside", //nolint:gosec // a test's own script
		uid+`\|`+strings.ReplaceAll(uid, "-", "_"), program, argument, command)
	run.Stderr = &errOut
	out, err := run.Output()
	if err != nil {
		return "", fmt.Errorf("%s beside %s in %s: %w: %s%s", command, program, pod, err, out, errOut.String())
	}
	return string(out), nil
}
