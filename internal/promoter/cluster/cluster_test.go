package cluster

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

func TestTheSnapshotterOfTheKubeletIsFoundInBothConfigurationVersions(t *testing.T) {
	for name, c := range map[string]struct{ config, want string }{
		"version 3": {"version = 3\n[plugins.'io.containerd.transfer.v1.local']\n  snapshotter = 'wrong'\n[plugins.'io.containerd.cri.v1.images']\n  max = 1\n  snapshotter = 'native'\n", "native"},
		"version 2": {"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n  snapshotter = \"fuse-overlayfs\"\n", "fuse-overlayfs"},
		"nothing":   {"version = 3\n", ""},
	} {
		if got := findSnapshotter(c.config); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestCreateRejectsNamesThatKindCannotUse(t *testing.T) {
	for _, name := range []string{"", "Upper", "a_b", "-a", "a-", strings.Repeat("a", 60)} {
		if _, err := Create(t.Context(), Options{Name: name}, ""); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v, want ErrName", name, err)
		}
	}
	if a, b := UniqueName("qa"), UniqueName("qa"); a == b || !clusterName.MatchString(a) {
		t.Errorf("names %q and %q", a, b)
	}
}

func TestEngineReportsAMachineWithoutAnEngine(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, choice := range []string{"", "docker", "lxc"} {
		t.Setenv("KIND_EXPERIMENTAL_PROVIDER", choice)
		if err := Engine(t.Context(), nil); !errors.Is(err, ErrEngine) {
			t.Errorf("provider %q: %v, want ErrEngine", choice, err)
		}
	}
}

func TestLoggerPassesKindsMessagesOnAsLines(t *testing.T) {
	var got []string
	l := logger{func(s string) { got = append(got, s) }}
	l.V(0).Infof("Creating %s ...\n", "x")
	l.V(1).Info("a detail")
	l.Warn(" careful ")
	l.V(0).Info("\n")
	if d := cmp.Diff([]string{"Creating x ...", "careful"}, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
	silent := logger{}
	silent.Error("nobody listens")
	if silent.V(0).Enabled() {
		t.Error("a silent logger is enabled")
	}
}

func waiting(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: "c", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func TestPodTroubleNamesWhatKeepsAPodFromRunning(t *testing.T) {
	crashed := waiting("CrashLoopBackOff", "")
	crashed.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error"}
	for name, c := range map[string]struct {
		status corev1.PodStatus
		want   string
	}{
		"an image that cannot be pulled": {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("ErrImagePull", "no route")}}, "c is waiting: ErrImagePull no route"},
		"a crash":                        {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{crashed}}, "c is waiting: CrashLoopBackOff (ended with exit code 3, Error)"},
		"starting":                       {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("ContainerCreating", "")}}, ""},
		"no room":                        {corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes"}}}, "Unschedulable 0/1 nodes"},
		"a probe that fails":             {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "c", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}}, "c is running but not ready"},
		"an init container that failed":  {corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{{Name: "i", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}}}}}, "i ended with exit code 1, Error"},
		"all well":                       {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "c", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}}, ""},
	} {
		if got := podTrouble(corev1.Pod{Status: c.status}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func pod(name, imageID string, gone bool) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", Finalizers: []string{"x/y"}},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "operator", ImageID: imageID}}},
	}
	if gone {
		p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	}
	return p
}

func TestImageIDsAreThoseOfRunningPodsOfTheRepository(t *testing.T) {
	objects := []runtime.Object{
		pod("new", "example.com/op@sha256:new", false), pod("old", "example.com/op@sha256:old", true), pod("other", "example.com/op-2@sha256:x", false), pod("odd", "sha256:y", false),
	}
	c := &Client{Interface: fake.NewClientset(objects...)}
	got, err := c.ImageIDs(t.Context(), "ns", "example.com/op")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"new/operator": "sha256:new"}, got); d != "" {
		t.Errorf("ids (-want +got):\n%s", d)
	}
}

func TestImagesOfDockerHubHaveOneName(t *testing.T) {
	c := &Client{Interface: fake.NewClientset(pod("p", "docker.io/library/op@sha256:a", false), pod("q", "quay.io/library/op@sha256:b", false))}
	for _, name := range []string{"op", "library/op", "docker.io/op", "index.docker.io/library/op"} {
		if got, err := c.ImageIDs(t.Context(), "ns", name); err != nil || len(got) != 1 || got["p/operator"] != "sha256:a" {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
}

func TestAClusterThatAcceptsAndNeverAnswersTimesOut(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: \"http://" + l.Addr().String() + "\"}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := Helm{Kubeconfig: file, RequestTimeout: time.Second}.Installed(Release{Name: "r", Namespace: "ns"})
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, ErrSilent) {
			t.Errorf("got %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("no timeout")
	}
}

func TestAKubeconfigThatCannotBeReadIsNamed(t *testing.T) {
	if _, err := Connect("/no/such/kubeconfig"); err == nil || !strings.Contains(err.Error(), "/no/such/kubeconfig") {
		t.Errorf("got %v", err)
	}
}
