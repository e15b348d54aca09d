// Package job runs a container in a namespace as a Job, and returns its exit code.
package job

import (
	"context"
	"fmt"
	"io"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/terminal"
)

// New is a Job of one pod with the restricted Pod Security Standard, which is not repeated when it fails.
func New(name string, container corev1.Container) *batchv1.Job {
	container.Name = containerName
	container.SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app.kubernetes.io/managed-by": cluster.FieldManager}},
		Spec: batchv1.JobSpec{
			BackoffLimit: ptr.To[int32](0),
			// What an interrupted program leaves behind goes by itself.
			TTLSecondsAfterFinished: ptr.To[int32](600),
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{container},
				AutomountServiceAccountToken: ptr.To(false), EnableServiceLinks: ptr.To(false),
				SecurityContext: &corev1.PodSecurityContext{
					RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(user), RunAsGroup: ptr.To(user), FSGroup: ptr.To(user),
					SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
				},
			}},
		},
	}
}

// containerName distinguishes the container from those that others add to the pod.
const containerName = "main"

// user is no user of any image in particular.
const user int64 = 65532

// deleteTimeout is how long an interrupted program removes its Job.
const deleteTimeout = 30 * time.Second

// Run creates the Job, copies its log, and returns the exit code. The Job is deleted whatever happens.
func Run(ctx context.Context, c *cluster.Client, job *batchv1.Job, start time.Duration, out io.Writer) (exit int32, err error) {
	jobs := c.Core.BatchV1().Jobs(c.Namespace)
	if _, err := jobs.Create(ctx, job, metav1.CreateOptions{FieldManager: cluster.FieldManager}); err != nil {
		return 0, c.Explain(err, "create", "jobs")
	}
	defer func() {
		deleting, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTimeout)
		defer cancel()
		failed := jobs.Delete(deleting, job.Name, metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)})
		if failed != nil && err == nil {
			err = fmt.Errorf("the Job %s may still exist: kubectl delete job %s removes it (%w)", job.Name, job.Name, c.Explain(failed, "delete", "jobs"))
		}
	}()
	pod, err := started(ctx, c, job.Name, start)
	if err != nil {
		return 0, err
	}
	return follow(ctx, c, pod, out)
}

// started waits until the container of the Job runs or has ended, and returns its pod.
func started(ctx context.Context, c *cluster.Client, name string, limit time.Duration) (pod string, err error) {
	err = c.Wait(ctx, limit, "the start of the Job "+name, func(ctx context.Context) (string, error) {
		list, err := c.Core.CoreV1().Pods(c.Namespace).List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + name})
		if err != nil {
			return "", c.Explain(err, "list", "pods")
		}
		if len(list.Items) == 0 {
			return notCreated(ctx, c, name)
		}
		pod = list.Items[0].Name
		return waiting(&list.Items[0]), nil
	})
	return pod, err
}

// notCreated finds out why a Job has no pod: a quota or a policy may reject it.
func notCreated(ctx context.Context, c *cluster.Client, name string) (string, error) {
	events, err := c.Core.CoreV1().Events(c.Namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + name})
	if err == nil && len(events.Items) > 0 {
		return "it has no pod: " + terminal.Line(events.Items[len(events.Items)-1].Message), nil
	}
	return "it has no pod yet", nil // events only explain
}

func waiting(pod *corev1.Pod) string {
	if status := statusOf(pod); status != nil {
		if waits := status.State.Waiting; waits != nil {
			return fmt.Sprintf("its container is waiting: %s %s", waits.Reason, terminal.Line(waits.Message))
		}
		return ""
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status != corev1.ConditionTrue && condition.Message != "" {
			return "its pod is not scheduled: " + terminal.Line(condition.Message)
		}
	}
	if pod.Status.Phase == corev1.PodFailed {
		return ""
	}
	return "its container has not started yet"
}
