package cluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/kind/pkg/cluster/nodes"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// ErrLoad: an image could not be loaded into the cluster.
var ErrLoad = failure.New(failure.External, "the image could not be loaded into the cluster")

// Loaded is an image in the nodes, and where it came from.
type Loaded struct {
	Ref string `json:"ref"`
	// From is "registry" or "docker".
	From string `json:"from"`
	// Digest is set for images from a registry: what the container runtime reports as the imageID of a pod.
	Digest string `json:"digest,omitempty"`
}

// LoadImages loads images into every node, so that no node has to reach a registry. An image that is named by its digest comes
// from its registry and keeps that digest in the node; an image that is named by a tag only is taken from the local engine if it
// exists there. Several are loaded at the same time; the list has each once, in the order of refs. Errors: ErrLoad, ErrEngine, ErrNoCluster and those
// of image.Access.
func (k *Kind) LoadImages(ctx context.Context, access image.Access, refs ...string) ([]Loaded, error) {
	return k.LoadWith(ctx, access, nil, refs...)
}

// LoadWith is LoadImages for refs, and beside them for those optional images that a registry or the engine has, each once unless it is one
// of refs. The list is that of LoadImages.
func (k *Kind) LoadWith(ctx context.Context, access image.Access, optional []string, refs ...string) ([]Loaded, error) {
	list, err := k.nodes(ctx)
	if err != nil {
		return nil, err
	}
	refs = without(refs, nil)
	others := without(optional, refs)
	done := make([]Loaded, len(refs)+len(others))
	var logging sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, ref := range slices.Concat(refs, others) {
		group.Go(func() error {
			start := time.Now()
			var err error
			if done[i], err = load(ctx, access, list, ref); err != nil {
				if i >= len(refs) && errors.Is(err, image.ErrNoImage) {
					return nil
				}
				return fmt.Errorf("load %s: %w", ref, err)
			}
			logging.Lock()
			defer logging.Unlock()
			logger{k.log}.line(fmt.Sprintf("loaded %s from the %s (%.1f s)", ref, done[i].From, time.Since(start).Seconds()))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return done[:len(refs)], nil
}

// without are the references that are not in others, each once.
func without(refs, others []string) (list []string) {
	for _, ref := range refs {
		if !slices.Contains(others, ref) && !slices.Contains(list, ref) {
			list = append(list, ref)
		}
	}
	return list
}

// atOnce is the number of images that are loaded at the same time. Most of the time goes to one unpacking process per image in the node.
const atOnce = 3

func load(ctx context.Context, access image.Access, list []nodes.Node, ref string) (Loaded, error) {
	if !strings.Contains(ref, "@") {
		if local, err := localImage(ctx, ref); err != nil {
			return Loaded{}, err
		} else if local {
			return within(ctx, EngineLimits.Load, "load "+ref, func(ctx context.Context) (Loaded, error) {
				return Loaded{Ref: ref, From: "docker"}, loadLocal(ctx, list, ref)
			})
		}
	}
	f, pulled, err := access.ArchiveFile(ctx, ref, "linux/"+runtime.GOARCH)
	if err != nil {
		return Loaded{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	return within(ctx, EngineLimits.Load, "load "+ref, func(ctx context.Context) (Loaded, error) {
		for _, n := range list {
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				return Loaded{}, err
			}
			if err := importArchive(ctx, n, f, pulled); err != nil {
				return Loaded{}, err
			}
		}
		return Loaded{Ref: ref, From: "registry", Digest: pulled.Digest}, nil
	})
}

// importArchive names the image by its tag and by the digest that it has in its registry. Pods can use either name
// without a pull, and the kubelet reports this digest as their imageID.
func importArchive(ctx context.Context, n nodes.Node, archive io.Reader, p image.Pulled) error {
	// Not --digests: that also names the archive itself by digest, and the kubelet might report that one.
	args := []string{"--namespace=k8s.io", "images", "import"}
	if s := snapshotter(ctx, n); s != "" {
		args = append(args, "--snapshotter="+s)
	}
	if out, err := run(ctx, n, archive, "ctr", append(args, "-")...); err != nil {
		return fmt.Errorf("%w: node %s: %s", ErrLoad, n, lastOf(out, err))
	}
	tagging.Lock()
	defer tagging.Unlock()
	if out, err := run(ctx, n, nil, "ctr", "--namespace=k8s.io", "images", "tag", "--force", p.ByDigest, p.Tagged); err != nil {
		return fmt.Errorf("%w: node %s: %s", ErrLoad, n, lastOf(out, err))
	}
	return nil
}

// tagging is held while an image gets its tag. Two images of one repository that are named by their digests have the same one, and ctr of
// containerd 1 deletes it before it creates it.
var tagging sync.Mutex

func run(ctx context.Context, n nodes.Node, in io.Reader, name string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := n.CommandContext(ctx, name, args...).SetStdout(&out).SetStderr(&out)
	if in != nil {
		cmd = cmd.SetStdin(in)
	}
	err := cmd.Run()
	return out.String(), err
}

func lastOf(out string, err error) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return err.Error()
}

// snapshotter returns the snapshotter of the kubelet's containers, which is not ctr's default on some file systems.
func snapshotter(ctx context.Context, n nodes.Node) string {
	out, err := run(ctx, n, nil, "containerd", "config", "dump")
	if err != nil {
		return ""
	}
	return findSnapshotter(out)
}

func findSnapshotter(config string) string {
	section := ""
	for s := bufio.NewScanner(strings.NewReader(config)); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if strings.HasPrefix(line, "[") {
			section = strings.ReplaceAll(line, `"`, "'")
			continue
		}
		name, ok := strings.CutPrefix(line, "snapshotter = ")
		if ok && (section == "[plugins.'io.containerd.cri.v1.images']" || section == "[plugins.'io.containerd.grpc.v1.cri'.containerd]") {
			return strings.Trim(name, `"'`)
		}
	}
	return ""
}

// EngineCommand is the command of the container engine, the one that kind selects: docker unless KIND_EXPERIMENTAL_PROVIDER names
// another one.
func EngineCommand() string { return engine() }

func engine() string {
	if p := os.Getenv("KIND_EXPERIMENTAL_PROVIDER"); p != "" {
		return p
	}
	for _, name := range []string{"docker", "nerdctl", "podman"} {
		if _, err := osexec.LookPath(name); err == nil {
			return name
		}
	}
	return "docker"
}

// localImage reports whether the engine has an image. An engine that does not answer is an error: what follows a false would not end
// either.
func localImage(ctx context.Context, ref string) (bool, error) {
	return within(ctx, EngineLimits.Answer, "inspect the image "+ref, func(ctx context.Context) (bool, error) {
		err := osexec.CommandContext(ctx, engine(), "image", "inspect", ref).Run()
		return err == nil, ctx.Err()
	})
}

func loadLocal(ctx context.Context, list []nodes.Node, ref string) error {
	f, err := os.CreateTemp("", "image-*.tar")
	if err != nil {
		return fmt.Errorf("create a file for the image: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if out, err := osexec.CommandContext(ctx, engine(), "save", "-o", f.Name(), ref).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", ErrLoad, lastOf(string(out), err))
	}
	for _, n := range list {
		g, err := os.Open(f.Name())
		if err != nil {
			return err
		}
		done := make(chan error, 1)
		go func() {
			defer g.Close()
			done <- nodeutils.LoadImageArchive(n, g)
		}()
		select {
		case err = <-done:
		case <-ctx.Done(): // kind's function knows no context; it ends with the node
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("%w: node %s: %s", ErrLoad, n, reason(err))
		}
	}
	return nil
}
