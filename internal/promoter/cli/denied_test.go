package cli

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// named is the name in the path of an object; a request that creates one by POST has none.
func named(r *http.Request, resource string) string {
	_, name, _ := strings.Cut(r.URL.Path, "/"+resource+"/")
	return name
}

func TestAClusterThatDeniesAnInstallationIsAnExternalFailure(t *testing.T) {
	ofNamespace := func(r *http.Request) bool {
		return r.Method != http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/v1/namespaces") && !strings.Contains(named(r, "namespaces"), "/")
	}
	for name, c := range map[string]struct {
		fault func(*http.Request) *apierrors.StatusError
		code  int
		words string
	}{
		"the namespace is forbidden": {func(r *http.Request) *apierrors.StatusError {
			if !ofNamespace(r) {
				return nil
			}
			return apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, named(r, "namespaces"), fmt.Errorf("no right"))
		}, 5, "no right"},
		"the release's Secret is forbidden": {func(r *http.Request) *apierrors.StatusError {
			if r.Method == http.MethodGet || !strings.Contains(r.URL.Path, "/secrets") {
				return nil
			}
			return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, named(r, "secrets"), fmt.Errorf("no right"))
		}, 5, "no right"},
		"the namespace is rejected": {func(r *http.Request) *apierrors.StatusError {
			if !ofNamespace(r) {
				return nil
			}
			return apierrors.NewInvalid(schema.GroupKind{Kind: "Namespace"}, named(r, "namespaces"), nil)
		}, 3, "the chart cannot be installed"},
	} {
		for _, major := range []string{"3", "4"} {
			t.Run(name+", Helm "+major, func(t *testing.T) {
				t.Parallel()
				s := newTestPipeline(t, "directory", "v1.0.0")
				s.must("bump")
				s.write("ci/pipeline.yaml", strings.Replace(shell(t, s.dir, "cat ci/pipeline.yaml"), "verify: {", "verify: {helm: ["+major+"], ", 1))
				shell(t, s.dir, commitAll)
				s.api.mu.Lock()
				s.api.fault = c.fault
				s.api.mu.Unlock()
				if code, msg := s.run("verify"); code != c.code || !strings.Contains(msg, c.words) {
					t.Errorf("exit %d:\n%s", code, msg)
				}
			})
		}
	}
}
