package cli

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

// endsWith gives each Job a pod that has ended. The fake clientset has the log "fake logs" for it.
func (w *world) endsWith(code int32) *[]*batchv1.Job {
	var jobs []*batchv1.Job
	w.core.PrependReactor("create", "jobs", func(action clienttesting.Action) (bool, runtime.Object, error) {
		job := action.(clienttesting.CreateAction).GetObject().(*batchv1.Job) //nolint:forcetypeassert // by the verb
		jobs = append(jobs, job)
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: job.Name + "-x", Namespace: "ns", Labels: map[string]string{batchv1.JobNameLabel: job.Name}}}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}}}
		return false, nil, w.core.Tracker().Add(pod)
	})
	return &jobs
}

// left are the Jobs and ConfigMaps that still exist.
func (w *world) left() int {
	w.Helper()
	jobs, err := w.core.BatchV1().Jobs("ns").List(w.Context(), metav1.ListOptions{})
	if err != nil {
		w.Fatal(err)
	}
	maps, err := w.core.CoreV1().ConfigMaps("ns").List(w.Context(), metav1.ListOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return len(jobs.Items) + len(maps.Items)
}

func TestAScenarioRunsAsAJob(t *testing.T) {
	for _, code := range []int32{0, 1} {
		w := newWorld(t, three())
		jobs := w.endsWith(code)
		file := scenarioFile(t, "- heal:\n")
		if got := w.run("run", file, "--in-cluster", "--image", "plugin:1", "--service-account", "sa", "--set", "blocks=$(X)", "--seed", "4", "--network", "net"); got != int(code) {
			t.Errorf("a Job with %d ends with %d: %s", code, got, w.err.String())
		}
		if w.out.String() != "fake logs\n" || w.left() != 0 || len(*jobs) != 1 {
			t.Fatalf("it printed %q, %d objects are left of %d Jobs", w.out.String(), w.left(), len(*jobs))
		}
		pod := (*jobs)[0].Spec.Template.Spec
		want := []string{"run", "/scenario/mine.yaml", "--in-job=" + file, "--namespace=ns", "--seed=4", "--set=blocks=$$(X)", "--network=net"}
		if pod.ServiceAccountName != "sa" || !slices.Equal(pod.Containers[0].Args, want) || pod.Containers[0].Image != "plugin:1" || !*pod.AutomountServiceAccountToken {
			t.Errorf("the pod is %+v", pod)
		}
	}
	w := newWorld(t, three())
	w.endsWith(0)
	w.fails(exitFailed, "the Job has handed no report over", "run", "lost-node", "--in-cluster", "--image", "x", "--service-account", "sa", "--junit", t.TempDir()+"/j.xml")
}

func TestAContainerEndsWithItsExitCode(t *testing.T) {
	w := newWorld(t, three())
	jobs := w.endsWith(7)
	w.works("run", scenarioFile(t, "- container: {image: own, arguments: [a], env: {X: \"$(Y)\"}, exit: 7}\n  as: out\n- expect: {values: {out: fake logs}}\n"), "--network", "net")
	container := (*jobs)[0].Spec.Template.Spec.Containers[0]
	for _, want := range []corev1.EnvVar{{Name: "X", Value: "$$(Y)"}, {Name: "BTCNET_NODE_1_RPC", Value: "net-sts-1.net-svc:18332"}, {Name: "BTCNET_NODES", Value: "3"}} {
		if !slices.Contains(container.Env, want) {
			t.Errorf("without %v: %v", want, container.Env)
		}
	}
	if w.left() != 0 {
		t.Errorf("%d objects are left", w.left())
	}
	w.fails(exitFailed, "expected the container of own to end with exit code 0, and it ended with 7", "run", scenarioFile(t, "- container: {image: own}\n"), "--network", "net")
}

func TestTheReportOfAJobIsReadFromItsLog(t *testing.T) {
	var out strings.Builder
	s := &splitter{out: &out}
	for _, part := range []string{"ok  1\nkubectl-btcnet-", "report {\"scenario\":", " \"s\"}\nlast"} {
		if _, err := io.WriteString(s, part); err != nil {
			t.Fatal(err)
		}
	}
	file := t.TempDir() + "/t.txt"
	r := &run{timelines: []string{file}}
	if err := r.received(s); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(text), "scenario s on network") || out.String() != "ok  1\nlast\n" {
		t.Errorf("the file is %q (%v), and the output %q", text, err, out.String())
	}
}

// A report that was handed over is written, also when the rest of the log is lost.
func TestAReportIsWrittenAlthoughTheJobIsLost(t *testing.T) {
	w := newWorld(t, three())
	w.endsWith(0)
	w.core.PrependReactor("get", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if action.GetSubresource() == "log" {
			return true, &runtime.Unknown{Raw: []byte(marker + "{\"scenario\": \"s\"}\n")}, nil
		}
		return true, nil, lacking("get", "pods")
	})
	file := t.TempDir() + "/t.txt"
	w.fails(exitFailed, "no right to get pods", "run", "lost-node", "--in-cluster", "--image", "x", "--service-account", "sa", "--timeline", file)
	if text, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(text), "scenario s on network") {
		t.Errorf("the file is %q (%v)", text, err)
	}
}
