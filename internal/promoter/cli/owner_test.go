package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
)

// The other release appears after the run has checked that it may use the name, and before it installs.
func TestAReleaseThatAppearsMeanwhileStays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run   string // of the other release
		code  int
		words string
	}{
		"of a person":    {"", 2, "the cluster already has a release hello in namespace hello"},
		"of another run": {"0123456789abcdef", 5, "is of another run, 0123456789abcdef"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTestPipeline(t, "directory", "v1.0.0")
			s.must("bump")
			s.beforeInstallation(func() { s.install(c.run) })
			code, msg := s.run("verify")
			for _, want := range []string{c.words, "hello in namespace hello is not uninstalled"} {
				if code != c.code || !strings.Contains(msg, want) {
					t.Errorf("exit %d, want %d and %q\n%s", code, c.code, want, msg)
				}
			}
			if got := s.api.secrets(); !slices.Equal(got, []string{"sh.helm.release.v1.hello.v1"}) {
				t.Errorf("of the other release the cluster has %v", got)
			}
			if held := s.api.names("leases"); len(held) > 0 {
				t.Errorf("the run that has ended holds %v", held)
			}
		})
	}
}

// beforeInstallation calls a function when a run that has the lease, and has checked the name once more, is about to install.
func (s *testPipeline) beforeInstallation(do func()) {
	var mu sync.Mutex
	held, reads := false, 0
	s.api.intercept(func(r *http.Request) int {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/leases"):
			held = true
		case held && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/secrets"):
			if reads++; reads == 2 {
				s.api.intercept(nil)
				do()
			}
		}
		return 0
	})
}

// install installs the built package as a person does, or as another run.
func (s *testPipeline) install(run string) {
	pkg, err := os.ReadFile(filepath.Join(s.env["WORK"], "hello-1.0.0.tgz"))
	if err == nil {
		_, err = cluster.Helm{Major: 4, Kubeconfig: s.kubeconfig}.Apply(s.t.Context(), pkg, cluster.Release{Name: "hello", Namespace: "hello", Run: run})
	}
	if err != nil {
		s.t.Error(err)
	}
}
