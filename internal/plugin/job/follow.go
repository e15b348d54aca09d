package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
)

// lostTimeout is how long the API server or the kubelet may be away while the container runs.
const lostTimeout = 5 * time.Minute

// follow copies the log until the container has ended, and returns its exit code. A log that ends before, because a server on the way to it
// closes idle connections or is restarted, is opened again.
func follow(ctx context.Context, c *cluster.Client, pod string, out io.Writer) (exit int32, err error) {
	copied := &skipping{out: out}
	over, answered := false, time.Now()
	for {
		failed := copyLog(ctx, c, pod, copied)
		if over && failed == nil {
			return exit, nil // this log was the whole one
		}
		if failed == nil {
			over, exit, failed = ended(ctx, c, pod)
		}
		switch _, lacks := errors.AsType[*cluster.MissingRight](failed); {
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case failed == nil:
			answered = time.Now()
		case lacks || errors.Is(failed, errGone) || time.Since(answered) > lostTimeout:
			return 0, failed
		}
		if err := cluster.Sleep(ctx, c.Poll); err != nil {
			return 0, err
		}
	}
}

// skipping leaves out what an earlier log had: a log is opened from its beginning, because a time has no more than seconds there.
type skipping struct {
	out        io.Writer
	skip, done int64
}

func (s *skipping) Write(b []byte) (int, error) {
	known := min(s.skip, int64(len(b)))
	s.skip -= known
	n, err := s.out.Write(b[known:])
	s.done += int64(n)
	return int(known) + n, err
}

func copyLog(ctx context.Context, c *cluster.Client, pod string, out *skipping) error {
	stream, err := c.Core.CoreV1().Pods(c.Namespace).GetLogs(pod, &corev1.PodLogOptions{Container: containerName, Follow: true}).Stream(ctx)
	if err != nil {
		return c.Explain(err, "get", "pods/log")
	}
	defer stream.Close() //nolint:errcheck // it was only read
	out.skip = out.done
	_, err = io.Copy(out, stream)
	return err
}

// errGone means that there is no container any more whose end could be awaited.
var errGone = errors.New("it is gone")

// ended reports whether the container has ended, and its exit code.
func ended(ctx context.Context, c *cluster.Client, name string) (over bool, exit int32, err error) {
	pod, err := c.Core.CoreV1().Pods(c.Namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return false, 0, fmt.Errorf("the pod %s was deleted before its container had ended: %w", name, errGone)
	case err != nil:
		return false, 0, c.Explain(err, "get", "pods")
	}
	if status := statusOf(pod); status != nil && status.State.Terminated != nil {
		return true, status.State.Terminated.ExitCode, nil
	}
	if pod.Status.Phase == corev1.PodFailed {
		return false, 0, fmt.Errorf("the pod %s has failed: %s %s: %w", name, pod.Status.Reason, terminal.Line(pod.Status.Message), errGone)
	}
	return false, 0, nil
}

// statusOf is that of the container of the Job, nil before it has one.
func statusOf(pod *corev1.Pod) *corev1.ContainerStatus {
	for i := range pod.Status.ContainerStatuses {
		if status := &pod.Status.ContainerStatuses[i]; status.Name == containerName {
			return status
		}
	}
	return nil
}
