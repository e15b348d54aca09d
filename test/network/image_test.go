//go:build e2e

package network

import (
	"net/http/httptest"
	"path"
	"runtime"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kind "github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/devserver"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// builtImage builds the image of a program of a module, brings it into the kind cluster and returns its name.
func builtImage(env *testEnv, module, program string) string {
	env.Helper()
	testtools.Docker(env.T)
	nodes, err := cluster.Core.CoreV1().Nodes().List(env.Context(), metav1.ListOptions{})
	if err != nil {
		env.Fatal(err)
	}
	name, isKind := strings.CutSuffix(nodes.Items[0].Name, "-control-plane")
	if !isKind {
		testtools.Missing(env.T, "this is no kind cluster, so the image cannot be loaded")
	}
	index, err := image.Build(env.Context(), image.Spec{
		SourceDir: module, Package: program, Platforms: []string{"linux/" + runtime.GOARCH}, SourceDate: time.Unix(0, 0),
	})
	if err != nil {
		env.Fatal(err)
	}
	handler, err := devserver.Registry(env.TempDir(), nil)
	if err != nil {
		env.Fatal(err)
	}
	registry := httptest.NewServer(handler)
	defer registry.Close()
	repository := strings.TrimPrefix(registry.URL, "http://") + "/" + path.Base(program)
	digest, _, err := image.Access{}.Push(env.Context(), index, repository+":test", false)
	if err != nil {
		env.Fatal(err)
	}
	k, err := kind.Open(name, "", nil)
	if err != nil {
		env.Fatal(err)
	}
	ref := repository + ":test@" + digest
	if _, err := k.LoadImages(env.Context(), image.Access{}, ref); err != nil {
		env.Fatal(err)
	}
	return ref
}
