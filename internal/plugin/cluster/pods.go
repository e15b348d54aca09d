package cluster

import (
	"context"
	"fmt"
	"io"
	"net"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
)

// Pod returns the pod of a node. A missing pod is a *NodeError, because the operator creates it again.
func (c *Client) Pod(ctx context.Context, name string) (*corev1.Pod, error) {
	pod, err := c.Core.CoreV1().Pods(c.Namespace).Get(ctx, noderef.At(name).Pod, metav1.GetOptions{})
	return pod, c.explainPod(err, "get", name)
}

// DeletePod deletes a pod, and no other one that has its name by now.
func (c *Client) DeletePod(ctx context.Context, pod *corev1.Pod, graceSeconds int64) error {
	err := c.Core.CoreV1().Pods(c.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &graceSeconds, Preconditions: metav1.NewUIDPreconditions(string(pod.UID)),
	})
	return c.explainPod(err, "delete", pod.Name)
}

func (c *Client) explainPod(err error, verb, name string) error {
	if status := statusOf(err); status != nil && apierrors.IsNotFound(status) {
		return &NodeError{Pod: name, Text: "its pod does not exist", Err: status}
	}
	return c.explain(err, verb, "pods", "")
}

// Logs returns the log of a node, with the time stamps of the kubelet. Of perPod nodes in a pod, the last lines of one are sought among perPod
// times as many, as if all nodes wrote as much; when they are followed, there may be more of them.
func (c *Client) Logs(ctx context.Context, name string, perPod int, options corev1.PodLogOptions) (io.ReadCloser, error) {
	at, count := noderef.At(name), options.TailLines
	if !at.Packed {
		return c.podLog(ctx, at.Pod, options)
	}
	if count != nil {
		options.TailLines = new(*count * int64(perPod))
	}
	stream, err := c.podLog(ctx, at.Pod, options)
	if err != nil {
		return nil, err
	}
	if stream = newNodeLog(stream, at.LinePrefix()); count == nil || options.Follow {
		return stream, nil
	}
	return lastLines(stream, *count)
}

func (c *Client) podLog(ctx context.Context, pod string, options corev1.PodLogOptions) (io.ReadCloser, error) {
	options.Container, options.Timestamps = resources.ContainerName, true
	stream, err := c.Core.CoreV1().Pods(c.Namespace).GetLogs(pod, &options).Stream(ctx)
	status := statusOf(err)
	switch {
	case err == nil:
		return stream, nil
	case status == nil:
		return nil, err
	case apierrors.IsNotFound(status):
		return nil, &NodeError{Pod: pod, Text: "its pod does not exist", Err: status}
	case apierrors.IsBadRequest(status): // the container has not started
		return nil, &NodeError{Pod: pod, Text: status.ErrStatus.Message, Err: status}
	}
	return nil, c.explain(status, "get", "pods/log", "")
}

// Dial connects with a port of a node, as kubectl port-forward does. The port is that of a node alone in its pod, such as v1.RPCPort.
func (c *Client) Dial(ctx context.Context, pod string, port int32) (net.Conn, error) {
	at := noderef.At(pod)
	conn, err := c.Forward(ctx, "tcp", fmt.Sprintf("%s.%s:%d", at.Pod, c.Namespace, at.Port(port)))
	status := statusOf(err)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case status == nil:
		return nil, &NodeError{Pod: pod, Err: err}
	case apierrors.IsForbidden(status) && lacksRight(status.ErrStatus.Message):
		return nil, &MissingRight{Verb: "create", Resource: "pods/portforward", Namespace: c.Namespace}
	}
	return nil, &NodeError{Pod: pod, Text: status.ErrStatus.Message, Err: status}
}
