package pipeline

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// The image of v1.0.0 is that of the first commit, and so is the chart; the tests would be those of the second.
func TestACandidateWhoseTagWasMovedSinceIsRefused(t *testing.T) {
	w := newWorld(t)
	w.tag("v1.0.0")
	w.built()
	if _, err := Bump(t.Context(), w.s); err != nil {
		t.Fatal(err)
	}
	checkout := filepath.Join(t.TempDir(), "qa")
	if _, err := gitrepo.Clone(t.Context(), w.qa, checkout, gitrepo.CloneOptions{}); err != nil {
		t.Fatal(err)
	}
	w.write("x", "other tests")
	w.commit("second")
	git(t, w.source.Dir, "tag", "--force", "v1.0.0")
	for name, dir := range map[string]string{"a clone": "", "a checkout": checkout} {
		_, err := w.s.openCandidate(t.Context(), dir, "")
		if !errors.Is(err, gitrepo.ErrTagMoved) || failure.Of(err) != failure.BadInput {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.RemoveAll(filepath.Join(checkout, ".git")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.openCandidate(t.Context(), checkout, ""); err != nil {
		t.Errorf("a directory that says nothing of its source: %v", err)
	}
	w.s.Config.Chart.Fields["Chart.yaml"] = map[string]string{"version": "chartVersion"}
	if _, err := w.s.openCandidate(t.Context(), "", ""); err != nil {
		t.Errorf("an appVersion that is not bump's: %v", err)
	}
}

func TestAPullRequestIsNotPublished(t *testing.T) {
	r := newRelease(t, "v1.2.0")
	r.leave()
	for name, env := range map[string]map[string]string{
		"a pull request":  {"TRAVIS": "true", "TRAVIS_PULL_REQUEST": "3"},
		"a fork":          {"TRAVIS": "true", "TRAVIS_SECURE_ENV_VARS": "false"},
		"a merge request": {"GITLAB_CI": "true", "CI_MERGE_REQUEST_IID": "3"},
	} {
		for k, v := range env {
			r.env[k] = v
		}
		var skip *Skip
		if _, err := Promote(t.Context(), r.s, PromoteOptions{}); !errors.As(err, &skip) || len(r.published()) != 0 {
			t.Errorf("%s: %v, published %+v", name, err, r.published())
		}
		for k := range env {
			delete(r.env, k)
		}
	}
}

func TestAPullRequestNeedsNoKeyToBeTested(t *testing.T) {
	r := newRelease(t, "v1.2.0")
	delete(r.env, "QA_KEY")
	r.env["TRAVIS"], r.env["TRAVIS_PULL_REQUEST"] = "true", "3"
	// Without a cluster it comes no further than to the package.
	if _, err := Verify(t.Context(), r.s, VerifyOptions{Kubeconfig: "/no/such/kubeconfig"}); err == nil || !strings.Contains(err.Error(), "kubeconfig") {
		t.Errorf("got %v", err)
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

func podWith(name, imageID string) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "main", ImageID: imageID}}},
	}
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
			s := &Session{}
			err := s.runsTheImage(t.Context(), &lab{s: s, kubeconfig: pods(t, c.pods...)}, "ns", &candidate{digest: c.digest, repository: "example.com/hello"})
			if (err == nil) != (c.words == "") || err != nil && (!errors.Is(err, cluster.ErrInstall) || !strings.Contains(err.Error(), c.words)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnImageOfDockerHubIsFoundUnderTheNameThatTheNodeGivesIt(t *testing.T) {
	for repository, reported := range map[string]string{"me/hello": "docker.io/me/hello", "docker.io/me/hello": "docker.io/me/hello", "index.docker.io/me/hello": "docker.io/me/hello", "hello": "docker.io/library/hello"} {
		s := &Session{}
		l := &lab{s: s, kubeconfig: pods(t, podWith("p", reported+"@sha256:a"))}
		if err := s.runsTheImage(t.Context(), l, "ns", &candidate{digest: "sha256:a", repository: repository}); err != nil {
			t.Errorf("%s: %v", repository, err)
		}
	}
}

// The engine is a script that knows one cluster; which commands it is asked for is what is looked at.
func TestTheClusterOfAKilledRunIsDeletedByTheNext(t *testing.T) {
	for name, c := range map[string]struct{ noted, deleted string }{
		"one that is there":            {"hello-1a2b3c\n", "hello-1a2b3c-control-plane"},
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
			s := &Session{Work: t.TempDir()}
			if c.noted != "" {
				if _, err := s.keep(clusterFile, []byte(c.noted)); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.deleteLeftover(); err != nil {
				t.Fatal(err)
			}
			removed, _ := os.ReadFile(dir + "/removed")
			if got := string(removed); (got == "") != (c.deleted == "") || !strings.Contains(got, c.deleted) || strings.Contains(got, "mine") {
				t.Errorf("it removed %q", got)
			}
		})
	}
}
