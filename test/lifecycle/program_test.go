//go:build e2e

package lifecycle

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/devserver"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A release of the program and the chart as they were first becomes the candidate, and the older one again. The two make
// different pods, so that the nodes are restarted: never two of a network at the same time, and the chain continues.
func TestAnUpgradeOfTheProgramAndItsRollbackKeepTheChain(t *testing.T) {
	const space = "outliving"
	r := newRelease(t, "outlived", space)
	r.install(older(t), olderProgram(t))
	users(t, space)
	stored := createNetwork(t, space, "stored", v1.BitcoinNetworkSpec{Nodes: 1, Secret: "users", Storage: &v1.Storage{}})
	plain := createNetwork(t, space, "plain", v1.BitcoinNetworkSpec{Nodes: 2, Groups: []v1.Group{{Name: "more", Nodes: 1}}})
	networks := map[*network]int{stored: 1, plain: 2}
	heights := map[*network]int{}
	grow := func() {
		t.Helper()
		for n := range networks {
			n.mine(3)
			heights[n] += 3
		}
		stored.reaches(heights[stored], 1)
		plain.reaches(heights[plain], 2)
		stored.ready(1)
		plain.readyWithGroups(3)
	}
	stored.ready(1)
	plain.readyWithGroups(3)
	grow()
	for _, step := range []struct {
		name   string
		change func()
		keeps  bool
	}{
		{"upgrade", func() { r.upgrade(candidate(t), images(true)) }, true},
		{"rollback", func() { r.rollback(1) }, false},
	} {
		lives, revisions := map[*network][]string{}, map[*network]string{}
		for n, nodes := range networks {
			lives[n], revisions[n] = n.lives(nodes), n.statefulSet().Status.UpdateRevision
		}
		step.change()
		for n := range networks {
			n.renewed(revisions[n])
		}
		if !step.keeps {
			heights[plain] = plain.agreed(2)
			t.Logf("after the %s, the chain without storage has %d blocks", step.name, heights[plain])
		}
		grow()
		for n, nodes := range networks {
			if now := n.lives(nodes); slices.Equal(now, lives[n]) {
				t.Errorf("%s left the pods of %s as they were, and both programs make different ones", step.name, n.name)
			}
		}
	}
}

// readyWithGroups is ready for a network that has groups.
func (n *network) readyWithGroups(nodes int) {
	n.Helper()
	eventually(n.T, fmt.Sprintf("%s to be Ready with %d nodes", n.name, nodes), func() error {
		got := n.get()
		for _, c := range got.Status.Conditions {
			if c.Type == v1.ConditionReady && c.Status == metav1.ConditionTrue && c.ObservedGeneration == got.Generation && int(got.Status.ReadyNodes) == nodes {
				return nil
			}
		}
		return fmt.Errorf("%d nodes are ready: %v", got.Status.ReadyNodes, got.Status.Conditions)
	})
}

// agreed waits until the nodes and the status have the same height, and returns it.
func (n *network) agreed(nodes int) int {
	n.Helper()
	height := 0
	eventually(n.T, "the nodes of "+n.name+" and its status to agree on a height", func() error {
		text, err := n.exec(0, "", "getblockcount")
		if err != nil {
			return err
		}
		height, err = strconv.Atoi(text)
		if err != nil {
			return err
		}
		return n.have(height, nodes)
	})
	return height
}

// renewed waits until the pods of a StatefulSet have another template than before; no more than one of them is away meanwhile.
func (n *network) renewed(before string) {
	n.Helper()
	eventually(n.T, "the pods of "+n.name+" to have the template of the other program", func() error {
		set := n.statefulSet()
		if s := set.Status; s.ReadyReplicas < *set.Spec.Replicas-1 {
			n.Fatalf("%d of %d nodes of %s are ready: more than one was restarted at the same time", s.ReadyReplicas, *set.Spec.Replicas, n.name)
		}
		if s := set.Status; s.UpdateRevision == before || s.CurrentRevision != s.UpdateRevision || s.ReadyReplicas < *set.Spec.Replicas {
			return errors.New("they have not")
		}
		return nil
	})
}

// olderProgram brings the operator as this repository first had it into the cluster, and returns the values that name it. Its source
// lies beside the chart of that time; it is compiled with the modules of today, which are here already.
func olderProgram(t *testing.T) map[string]any {
	t.Helper()
	source := t.TempDir()
	unpack(t, "testdata/bitcoin-controller-0.0.1-source.tgz", source)
	// The program of then needs more modules than that of today; those of the tests include them.
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, "test", file))
		ok(t, err)
		ok(t, os.WriteFile(filepath.Join(source, file), text, 0o600))
	}
	// The API was no module of its own then.
	const module, api = "github.com/christianb93/bitcoin-controller", "github.com/christianb93/bitcoin-controller/pkg"
	edit := exec.Command("go", "mod", "edit", "-module="+module, "-droprequire="+module, "-dropreplace="+module, "-droprequire="+api, "-dropreplace="+api)
	edit.Dir = source
	if output, err := edit.CombinedOutput(); err != nil {
		t.Fatalf("go mod edit: %v\n%s", err, output)
	}
	built, err := image.Build(t.Context(), image.Spec{
		SourceDir: source, Package: "./cmd/bitcoin-controller", Platforms: []string{"linux/" + runtime.GOARCH}, SourceDate: time.Unix(0, 0),
	})
	ok(t, err)
	registry, err := devserver.Registry(t.TempDir(), log.New(io.Discard, "", 0))
	ok(t, err)
	server := httptest.NewServer(registry)
	t.Cleanup(server.Close)
	repository := strings.TrimPrefix(server.URL, "http://") + "/bitcoin-controller"
	_, _, err = image.Access{}.Push(t.Context(), built, repository+":0.0.1", false)
	ok(t, err)
	_, err = testCluster.Kind.LoadImages(t.Context(), image.Access{}, repository+":0.0.1")
	ok(t, err)
	values := maps.Clone(images(false))
	values["image"] = map[string]any{"repository": repository, "tag": "0.0.1"}
	return values
}

// unpack writes the files of an archive of this repository.
func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	file, err := os.Open(archive) //nolint:gosec // a file of this repository
	ok(t, err)
	defer file.Close()
	compressed, err := gzip.NewReader(file)
	ok(t, err)
	for files := tar.NewReader(compressed); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		ok(t, err)
		if header.Typeflag != tar.TypeReg {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(header.Name)) //nolint:gosec // an archive of this repository
		ok(t, os.MkdirAll(filepath.Dir(path), 0o750))
		text, err := io.ReadAll(files)
		ok(t, err)
		ok(t, os.WriteFile(path, text, 0o600))
	}
}
