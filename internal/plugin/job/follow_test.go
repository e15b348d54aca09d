package job

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
)

// A server that is restarted closes the log of a container that runs.
func TestALogThatBreaksIsOpenedAgain(t *testing.T) {
	logs := []string{"one\ntw", "one\ntwo\n", "one\ntwo\nthree\n", "one\ntwo\nthree\n"}
	reads := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/log") {
			if got := r.URL.Query().Get("container"); got != "main" {
				t.Errorf("the log is that of the container %q", got)
			}
			reads++
			_, _ = io.WriteString(w, logs[min(reads, len(logs))-1])
			if reads == 1 {
				w.(http.Flusher).Flush() //nolint:forcetypeassert // of net/http
				panic(http.ErrAbortHandler)
			}
			return
		}
		pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "ns"}}
		side := corev1.ContainerStatus{Name: "injected", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 9}}}
		main := corev1.ContainerStatus{Name: "main", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
		if reads >= 3 {
			main.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 7}}
		}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{side, main}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(pod)
	}))
	defer server.Close()
	core, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out strings.Builder
	exit, err := follow(ctx, &cluster.Client{Namespace: "ns", Core: core, Poll: time.Millisecond}, "p", &out)
	if err != nil || exit != 7 || out.String() != "one\ntwo\nthree\n" || reads != 4 {
		t.Errorf("it ended with %d (%v) after %q in %d logs", exit, err, out.String(), reads)
	}
}
