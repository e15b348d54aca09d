package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/yaml"
)

func isNotFound(err error) bool { return apierrors.IsNotFound(err) }

func isConflict(err error) bool { return apierrors.IsConflict(err) }

// Troubles returns a sentence for each pod of a namespace that is not ready, with the reason. An empty namespace is all of them.
func (c *Client) Troubles(ctx context.Context, namespace string) []string {
	pods, err := c.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return []string{"the pods cannot be listed: " + err.Error()}
	}
	var found []string
	for _, p := range pods.Items {
		if t := podTrouble(p); t != "" {
			found = append(found, fmt.Sprintf("pod %s/%s: %s", p.Namespace, p.Name, t))
		}
	}
	return found
}

func podTrouble(p corev1.Pod) string {
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		switch {
		case s.State.Waiting != nil && s.State.Waiting.Reason != "PodInitializing" && s.State.Waiting.Reason != "ContainerCreating":
			text := s.Name + " is waiting: " + s.State.Waiting.Reason
			if last := s.LastTerminationState.Terminated; last != nil {
				return fmt.Sprintf("%s (ended with exit code %d, %s)", text, last.ExitCode, last.Reason)
			}
			return strings.TrimSpace(text + " " + s.State.Waiting.Message)
		case s.State.Terminated != nil && s.State.Terminated.ExitCode != 0:
			return fmt.Sprintf("%s ended with exit code %d, %s", s.Name, s.State.Terminated.ExitCode, s.State.Terminated.Reason)
		}
	}
	for _, cond := range p.Status.Conditions {
		if cond.Type == corev1.PodScheduled && cond.Status == corev1.ConditionFalse {
			return cond.Reason + " " + cond.Message
		}
	}
	for _, s := range p.Status.ContainerStatuses {
		if s.State.Running != nil && !s.Ready {
			return s.Name + " is running but not ready"
		}
	}
	return ""
}

// Export writes the state of the cluster to dir: every object of every kind except Secrets as YAML, events in order, and
// the logs of every container, also of the previous run. It continues after an error and returns all errors.
func (c *Client) Export(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("export the cluster's state: %w", err)
	}
	return errors.Join(c.exportStates(ctx, filepath.Join(dir, "states")), c.exportLogs(ctx, filepath.Join(dir, "pods")))
}

func (c *Client) exportStates(ctx context.Context, dir string) error {
	lists, err := c.Discovery().ServerPreferredResources()
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return fmt.Errorf("export the cluster's state: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var errs []error
	for _, l := range lists {
		gv, err := schema.ParseGroupVersion(l.GroupVersion)
		if err != nil {
			continue
		}
		for _, r := range l.APIResources {
			// A log directory is uploaded and widely readable, and must not contain secrets.
			if r.Name == "secrets" || !slices.Contains(r.Verbs, "list") {
				continue
			}
			errs = append(errs, c.exportKind(ctx, dir, gv.WithResource(r.Name)))
		}
	}
	return errors.Join(errs...)
}

func (c *Client) exportKind(ctx context.Context, dir string, gvr schema.GroupVersionResource) error {
	list, err := c.dynamic.Resource(gvr).List(ctx, metav1.ListOptions{})
	if err != nil || len(list.Items) == 0 {
		return err
	}
	for i := range list.Items {
		list.Items[i].SetManagedFields(nil)
	}
	if gvr.Resource == "events" {
		slices.SortFunc(list.Items, func(a, b unstructured.Unstructured) int {
			return a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time)
		})
	}
	data, err := yaml.Marshal(list)
	if err != nil {
		return err
	}
	name := gvr.Resource
	if gvr.Group != "" {
		name += "." + gvr.Group
	}
	return os.WriteFile(filepath.Join(dir, name+".yaml"), data, 0o644)
}

func (c *Client) exportLogs(ctx context.Context, dir string) error {
	pods, err := c.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("export logs: %w", err)
	}
	var errs []error
	for _, p := range pods.Items {
		for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
			base := filepath.Join(dir, p.Namespace, p.Name, s.Name)
			if s.RestartCount > 0 {
				errs = append(errs, c.exportLog(ctx, p, s.Name, true, base+".previous.log"))
			}
			if s.State.Running != nil || s.State.Terminated != nil {
				errs = append(errs, c.exportLog(ctx, p, s.Name, false, base+".log"))
			}
		}
	}
	return errors.Join(errs...)
}

func (c *Client) exportLog(ctx context.Context, p corev1.Pod, container string, previous bool, path string) error {
	limit := int64(10 << 20)
	in, err := c.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{Container: container, Previous: previous, LimitBytes: &limit}).Stream(ctx)
	if err != nil {
		return fmt.Errorf("read the log of %s/%s: %w", p.Namespace, p.Name, err)
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
