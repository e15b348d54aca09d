//go:build e2e

package lifecycle

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// registryImage is the image of the registry's container, which is rebuilt by each run and the same each time.
const registryImage = "bitcoin-controller/test-registry:latest"

// startRegistry starts an image registry in the network of the cluster, from which the nodes pull what is named by a host, as by any
// mirror. It returns the address at which this process pushes to it. It ends with the test.
func startRegistry(t *testing.T, host string) (address string) {
	t.Helper()
	loadRegistryImage(t)
	node, container := clusterNodes(t)[0], cluster.UniqueName("lifecycle-registry")
	network := engine(t, "inspect", "-f", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}", node)
	run := exec.Command(cluster.EngineCommand(), "run", "--rm", "-i", "--name", container, "--network", network, "-p", "127.0.0.1::5000", registryImage)
	log := &bytes.Buffer{}
	run.Stdout, run.Stderr = log, log
	stdin, err := run.StdinPipe()
	ok(t, err)
	ok(t, run.Start())
	t.Cleanup(func() {
		stdin.Close()
		_ = run.Wait()
		if t.Failed() {
			t.Logf("the registry's log:\n%s", log)
		}
	})
	eventually(t, "the registry to have an address", func() error {
		out, err := exec.Command(cluster.EngineCommand(), "port", container, "5000/tcp").Output()
		address, _, _ = strings.Cut(string(out), "\n")
		return err
	})
	ok(t, image.Access{}.Wait(t.Context(), address+"/any", time.Minute))

	server := "http://" + engine(t, "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container) + ":5000"
	dir := "/etc/containerd/certs.d/" + host
	for _, node := range clusterNodes(t) {
		engine(t, "exec", node, "mkdir", "-p", dir)
		engine(t, "exec", node, "sh", "-c", fmt.Sprintf("printf 'server = \"%s\"\n' >%s/hosts.toml", server, dir))
		t.Cleanup(func() { engine(t, "exec", node, "rm", "-r", dir) })
	}
	return address
}

func loadRegistryImage(t *testing.T) {
	t.Helper()
	built, err := image.Build(t.Context(), image.Spec{
		SourceDir: filepath.Join(root, "test"), Package: "./kindcluster/registry", Platforms: []string{"linux/" + runtime.GOARCH}, SourceDate: time.Unix(0, 0),
	})
	ok(t, err)
	manifest, err := built.IndexManifest()
	ok(t, err)
	only, err := built.Image(manifest.Manifests[0].Digest)
	ok(t, err)
	tag, err := name.NewTag(registryImage)
	ok(t, err)
	file := filepath.Join(t.TempDir(), "registry.tar")
	ok(t, tarball.WriteToFile(file, tag, only))
	engine(t, "load", "--input", file)
	t.Cleanup(func() { engine(t, "rmi", registryImage) })
}

// inRegistry is an image as a registry has it: one that is named by its digest, or is not in the engine's store, is read from its registry.
func inRegistry(t *testing.T, ref string) v1.ImageIndex {
	t.Helper()
	if !strings.Contains(ref, "@") && exec.Command(cluster.EngineCommand(), "image", "inspect", ref).Run() == nil {
		file := filepath.Join(t.TempDir(), "image.tar")
		engine(t, "save", "--output", file, ref)
		saved, err := tarball.ImageFromPath(file, nil)
		ok(t, err)
		return mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: saved, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
		}})
	}
	parsed, err := image.Access{}.Parse(ref)
	ok(t, err)
	idx, err := remote.Index(parsed)
	ok(t, err)
	return idx
}

// forget removes the images of the candidate and of its nodes from the cluster.
func forget(t *testing.T) {
	t.Helper()
	for _, node := range clusterNodes(t) {
		for _, ref := range loaded(t, node) {
			engine(t, "exec", node, "ctr", "-n", "k8s.io", "images", "rm", "--sync", ref)
		}
		// The kubelet's view of the images is a cache, which keeps names that others have removed.
		engine(t, "exec", node, "systemctl", "restart", "containerd")
		if left := loaded(t, node); len(left) > 0 {
			t.Fatalf("%s still has %v", node, left)
		}
	}
}

// loaded are all names that a cluster node has for the images of the candidate and of its nodes: sha256:… among them, and import-… for the
// archive that kind loads an image from. Left alone, that name would be taken for one of the image when it is pulled.
func loaded(t *testing.T, node string) (refs []string) {
	t.Helper()
	digests := map[string][]string{}
	for _, line := range strings.Split(engine(t, "exec", node, "ctr", "-n", "k8s.io", "images", "ls"), "\n")[1:] {
		if f := strings.Fields(line); len(f) > 2 {
			digests[f[2]] = append(digests[f[2]], f[0])
		}
	}
	ours := func(name string) bool {
		for _, variable := range []string{"CANDIDATE_IMAGE", "BITCOIND_IMAGE"} {
			repository, _, _ := image.Cut(os.Getenv(variable))
			if rest, found := strings.CutPrefix(name, image.ContainerdName(repository)); found && (strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "@")) {
				return true
			}
		}
		return strings.HasPrefix(name, "import-")
	}
	for _, names := range digests {
		if slices.ContainsFunc(names, ours) {
			refs = append(refs, names...)
		}
	}
	return refs
}

func clusterNodes(t *testing.T) []string {
	t.Helper()
	list, err := testCluster.Core.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	ok(t, err)
	nodes := map[string]bool{}
	for _, n := range list.Items {
		nodes[n.Name] = true
	}
	return slices.Sorted(maps.Keys(nodes))
}

// engine runs the container engine and returns what it prints.
func engine(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(cluster.EngineCommand(), args...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("%s %v: %v: %s", cluster.EngineCommand(), args, err, failed.Stderr)
	}
	ok(t, err)
	return strings.TrimSpace(string(out))
}
