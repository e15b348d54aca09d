package image

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// requiring is a program with a dependency that no machine has.
func requiring(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	sum := " h1:" + strings.Repeat("A", 43) + "=\n"
	testtools.PutFiles(t, dir, map[string]string{
		"go.mod":         "module example.com/hello\n\ngo 1.24\n\nrequire example.com/dep v1.0.0\n",
		"go.sum":         "example.com/dep v1.0.0" + sum + "example.com/dep v1.0.0/go.mod" + sum,
		"cmd/hi/main.go": "package main\n\nimport \"example.com/dep\"\n\nfunc main() { dep.Run() }\n",
	})
	return dir
}

// answering is a module proxy that has nothing, and answers with a status.
func answering(t *testing.T, status int) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestModulesAndToolchainsThatCannotBeFetchedAreNoFaultOfTheSource(t *testing.T) {
	const unreachable = "http://127.0.0.1:1"
	quoting := map[string]string{"cmd/hi/main.go": "package main\n\nfunc main() {\n\t`: Get \"https://example.com\": EOF`\n}\n"}
	for name, c := range map[string]struct {
		proxy, toolchain string
		files            map[string]string
		want             error // nil for success
	}{
		"the proxy does not answer":            {unreachable, "local", nil, ErrFetch},
		"the proxy has a fault":                {answering(t, http.StatusBadGateway), "local", nil, ErrFetch},
		"the proxy rejects the credentials":    {answering(t, http.StatusUnauthorized), "local", nil, ErrFetch},
		"the proxy has no such version":        {answering(t, http.StatusNotFound), "local", nil, ErrCompile},
		"nothing may be fetched":               {"off", "local", nil, ErrFetch},
		"no toolchain can be fetched":          {unreachable, "auto", map[string]string{"go.mod": "module example.com/hello\n\ngo 1.999.1\n"}, ErrFetch},
		"no toolchain may be fetched":          {unreachable, "local", map[string]string{"go.mod": "module example.com/hello\n\ngo 1.999.1\n"}, ErrFetch},
		"go.sum does not have the dependency":  {unreachable, "local", map[string]string{"go.sum": ""}, ErrCompile},
		"the compiler quotes such an error":    {unreachable, "local", quoting, ErrCompile},
		"vendored modules need no proxy":       {unreachable, "local", map[string]string{"vendor/modules.txt": "# example.com/dep v1.0.0\n## explicit\nexample.com/dep\n", "vendor/example.com/dep/dep.go": "package dep\n\nfunc Run() {}\n"}, nil},
		"a program without modules needs none": {"off", "local", map[string]string{"cmd/hi/main.go": "package main\n\nfunc main() {}\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOPROXY", c.proxy)
			t.Setenv("GOTOOLCHAIN", c.toolchain)
			dir := requiring(t)
			testtools.PutFiles(t, dir, c.files)
			_, err := Build(t.Context(), Spec{SourceDir: dir, Package: "./cmd/hi", SourceDate: commitTime})
			kind := map[error]failure.Kind{ErrFetch: failure.External, ErrCompile: failure.TestFailed}[c.want]
			if !errors.Is(err, c.want) || err != nil && failure.Of(err) != kind {
				t.Errorf("(%s) %v, want %v", failure.Of(err), err, c.want)
			}
			if err := Fetch(t.Context(), Spec{SourceDir: dir, Package: "./cmd/hi"}); errors.Is(err, ErrFetch) != errors.Is(c.want, ErrFetch) {
				t.Errorf("packages alone: %v, want %v", err, c.want)
			}
		})
	}
}
