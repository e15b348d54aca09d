package testenv

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

func podWith(name, imageID string) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "main", ImageID: imageID}}},
	}
}

// pods is as much of a cluster as lists these pods.
func pods(t *testing.T, list ...corev1.Pod) (kubeconfig string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}, Items: list})
	}))
	t.Cleanup(srv.Close)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	text := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: \"" + srv.URL + "\"}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u}]\n"
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

func TestThePodsMustRunTheImageOfTheCandidate(t *testing.T) {
	for name, c := range map[string]struct {
		digest string
		pods   []corev1.Pod
		words  string // of the error, empty for none
	}{
		"the image":                    {"sha256:a", []corev1.Pod{podWith("p", "example.com/hello@sha256:a"), podWith("other", "example.com/x@sha256:b")}, ""},
		"another image under its name": {"sha256:a", []corev1.Pod{podWith("p", "example.com/hello@sha256:a"), podWith("q", "example.com/hello@sha256:b")}, "q/main runs sha256:b"},
		"other images alone":           {"sha256:a", []corev1.Pod{podWith("p", "example.com/x@sha256:a")}, "no pod in ns runs example.com/hello"},
		"a candidate without a digest": {"", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			env := &Environment{Kubeconfig: pods(t, c.pods...)}
			err := env.CheckImage(t.Context(), "ns", "example.com/hello", c.digest, true)
			if (err == nil) != (c.words == "") || err != nil && (!errors.Is(err, cluster.ErrInstall) || !strings.Contains(err.Error(), c.words)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnImageOfDockerHubIsFoundUnderTheNameThatTheNodeGivesIt(t *testing.T) {
	for repository, reported := range map[string]string{"me/hello": "docker.io/me/hello", "docker.io/me/hello": "docker.io/me/hello", "index.docker.io/me/hello": "docker.io/me/hello", "hello": "docker.io/library/hello"} {
		env := &Environment{Kubeconfig: pods(t, podWith("p", reported+"@sha256:a"))}
		if err := env.CheckImage(t.Context(), "ns", repository, "sha256:a", true); err != nil {
			t.Errorf("%s: %v", repository, err)
		}
	}
}

// The engine is a script that knows one cluster; which commands it is requested is what is checked.
func TestTheClusterOfAKilledRunIsDeletedByTheNext(t *testing.T) {
	for name, c := range map[string]struct{ noted, deleted string }{
		"one that exists":              {"hello-1a2b3c\n", "hello-1a2b3c-control-plane"},
		"one that is gone":             {"hello-ffffff", ""},
		"no run before this one noted": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			script := `#!/bin/sh
case "$*" in
"ps -a"*hello-1a2b3c*) echo hello-1a2b3c-control-plane ;;
"ps -a"*kind.cluster=*) ;;
"ps -a"*) printf 'hello-1a2b3c\nmine\n' ;;
"rm -f"*) echo "$*" >>` + dir + `/removed ;;
esac
`
			if err := os.WriteFile(dir+"/docker", []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			t.Setenv("KIND_EXPERIMENTAL_PROVIDER", "docker")
			t.Setenv("HOME", dir)
			p := Provider{Work: workdir.Dir(t.TempDir())}
			if c.noted != "" {
				if _, err := p.Work.Write(clusterFile, []byte(c.noted)); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.deleteLeftover(t.Context()); err != nil {
				t.Fatal(err)
			}
			removed, _ := os.ReadFile(dir + "/removed")
			if got := string(removed); (got == "") != (c.deleted == "") || !strings.Contains(got, c.deleted) || strings.Contains(got, "mine") {
				t.Errorf("it removed %q", got)
			}
		})
	}
}
