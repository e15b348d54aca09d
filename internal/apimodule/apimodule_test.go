package apimodule

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	apply "github.com/christianb93/bitcoin-controller/pkg/client/applyconfiguration/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/fake"
)

const module = "github.com/christianb93/bitcoin-controller/pkg"

// fetch gets what the API's module requires, which a new machine does not have yet when this package is tested.
var fetch = sync.OnceValue(func() error {
	command := exec.Command("go", "list", "-C", "../../pkg", "-deps", "./...")
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
})

// goIn runs the go command in a directory, without network access.
func goIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	if err := fetch(); err != nil {
		t.Fatalf("the modules that the API requires are not available: %v", err)
	}
	command := exec.CommandContext(t.Context(), "go", args...) //nolint:gosec // arguments of this test
	command.Dir = dir
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// allowedModules are prefixes of the modules that users of the API get with it: Kubernetes' own API libraries and what these
// import.
var allowedModules = []string{
	module,
	"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "k8s.io/klog/v2", "k8s.io/kube-openapi", "k8s.io/utils",
	"sigs.k8s.io/json", "sigs.k8s.io/randfill", "sigs.k8s.io/structured-merge-diff/v6", "sigs.k8s.io/yaml",
	"github.com/davecgh/go-spew", "github.com/emicklei/go-restful/v3", "github.com/fxamacker/cbor/v2", "github.com/go-logr/logr",
	"github.com/go-openapi/jsonpointer", "github.com/go-openapi/jsonreference", "github.com/go-openapi/swag",
	"github.com/google/gnostic-models", "github.com/google/uuid", "github.com/json-iterator/go", "github.com/modern-go/concurrent",
	"github.com/modern-go/reflect2", "github.com/munnerz/goautoneg", "github.com/pmezard/go-difflib", "github.com/x448/float16",
	"go.yaml.in/yaml/v2", "go.yaml.in/yaml/v3", "golang.org/x/net", "golang.org/x/oauth2", "golang.org/x/sys", "golang.org/x/term",
	"golang.org/x/text", "golang.org/x/time", "google.golang.org/protobuf", "gopkg.in/evanphx/json-patch.v4", "gopkg.in/inf.v0",
}

func TestTheAPIModuleDependsOnKubernetesAPILibrariesOnly(t *testing.T) {
	deps := strings.Fields(goIn(t, "../../pkg", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./..."))
	if len(deps) == 0 {
		t.Fatal("go list reports no dependency")
	}
	reported := map[string]bool{}
	for _, dep := range deps {
		if !isAllowed(dep) && !reported[dep] {
			reported[dep] = true
			t.Errorf("the API module depends on %s", dep)
		}
	}
}

func isAllowed(dep string) bool {
	for _, allowed := range allowedModules {
		if dep == allowed || strings.HasPrefix(dep, allowed+"/") {
			return true
		}
	}
	return false
}

// go.mod lists every module that users of the API download.
func TestTheAPIModuleRequiresKubernetesAPILibrariesOnly(t *testing.T) {
	var file struct{ Require []struct{ Path string } }
	if err := json.Unmarshal([]byte(goIn(t, "../../pkg", "mod", "edit", "-json")), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Require) == 0 {
		t.Fatal("go.mod requires no module")
	}
	for _, required := range file.Require {
		if !isAllowed(required.Path) {
			t.Errorf("the API module requires %s", required.Path)
		}
	}
}

func TestAProgramWithTheClientsetBuilds(t *testing.T) {
	dir := t.TempDir()
	pkg, err := filepath.Abs("../../pkg")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) []byte {
		text, err := os.ReadFile(name) //nolint:gosec // a file of this repository
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	write("main.go", read("testdata/program/main.go"))
	// The checksums are the only thing that the build would need the network for.
	write("go.sum", read("../../pkg/go.sum"))
	write("go.mod", []byte("module example.com/program\n\ngo 1.26.0\n\nrequire "+module+" v0.0.0\n\nreplace "+module+" => "+pkg+"\n"))
	goIn(t, dir, "build", "-o", filepath.Join(dir, "program"), ".")
}

func TestTheFakeClientsetAppliesANetwork(t *testing.T) {
	networks := fake.NewClientset().BitcoincontrollerV1().BitcoinNetworks("default")
	network := apply.BitcoinNetwork("net", "default").WithSpec(apply.BitcoinNetworkSpec().
		WithNodes(3).WithTopology(apply.Topology().WithType(v1.TopologyRing)))
	if _, err := networks.Apply(t.Context(), network, metav1.ApplyOptions{FieldManager: "test"}); err != nil {
		t.Fatal(err)
	}
	got, err := networks.Get(t.Context(), "net", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Spec.Nodes != 3 || got.Spec.Topology == nil || got.Spec.Topology.Type != v1.TopologyRing {
		t.Errorf("the applied network is %+v", got.Spec)
	}
}
