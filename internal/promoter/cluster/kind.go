// Package cluster creates kind clusters to test in, loads images into them under their own digests, and installs Helm
// packages, all through the libraries of kind and Helm. No exported name has a type of Helm's.
package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/cluster/nodes"
	"sigs.k8s.io/kind/pkg/exec"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

var (
	// ErrEngine: no container engine runs here, or it denies access.
	ErrEngine = failure.New(failure.External, "the container engine cannot be used")
	// ErrExists: a cluster of this name exists already.
	ErrExists = failure.New(failure.BadInput, "a cluster of this name exists already")
	// ErrNoCluster: there is no cluster of this name.
	ErrNoCluster = failure.New(failure.BadInput, "no cluster of this name")
	// ErrCreate: kind could not create the cluster.
	ErrCreate = failure.New(failure.External, "the cluster could not be created")
	// ErrNotReady: the cluster exists but does not get ready in time.
	ErrNotReady = failure.New(failure.External, "the cluster did not become ready")
	// ErrName: a name that kind does not accept.
	ErrName = failure.New(failure.BadInput, "not a usable name for a cluster")
)

// Options describe the cluster to create.
type Options struct {
	// Name of the cluster; see UniqueName.
	Name string
	// NodeImage such as kindest/node:v1.36.3@sha256:…; empty is the one of kind's version.
	NodeImage string
	// Config is kind's configuration file as YAML; nil is kind's default.
	Config []byte
	// Wait until the nodes are ready, default 5 minutes.
	Wait time.Duration
	// Kubeconfig is the file to write; the user's own is never touched. Required.
	Kubeconfig string
	// Log gets kind's messages, one line each. Nil is silent.
	Log func(string)
	// Claimed is called when the name is known to be free, before anything of the cluster exists; its error ends the creation. Nil is
	// nothing.
	Claimed func() error
	// Deleted is called after a failed creation, when nothing of the cluster is left. Nil is nothing.
	Deleted func() error
}

var clusterName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$`)

// UniqueName appends a random suffix, so that several pipelines can run on one machine.
func UniqueName(prefix string) string {
	b := make([]byte, 3)
	_, _ = rand.Read(b)
	return prefix + "-" + hex.EncodeToString(b)
}

// Kind is one kind cluster.
type Kind struct {
	Name, Kubeconfig string
	provider         *cluster.Provider
	log              func(string)
}

func newProvider(log func(string)) (*cluster.Provider, error) {
	// The kind command reads this variable, its library does not; users expect both to follow it.
	var choice cluster.ProviderOption
	switch p := os.Getenv("KIND_EXPERIMENTAL_PROVIDER"); p {
	case "podman":
		choice = cluster.ProviderWithPodman()
	case "nerdctl", "finch", "nerdctl.lima":
		choice = cluster.ProviderWithNerdctl(p)
	case "docker":
		choice = cluster.ProviderWithDocker()
	case "":
		found, err := cluster.DetectNodeProvider()
		if err != nil {
			return nil, fmt.Errorf("%w: install Docker, or another engine that kind knows", ErrEngine)
		}
		choice = found
	default:
		return nil, fmt.Errorf("%w: KIND_EXPERIMENTAL_PROVIDER is %q; use docker, podman or nerdctl", ErrEngine, p)
	}
	return cluster.NewProvider(cluster.ProviderWithLogger(logger{log}), choice), nil
}

// Engine returns nil if this machine can create clusters. Errors: ErrEngine.
func Engine(ctx context.Context, log func(string)) error {
	p, err := newProvider(log)
	if err != nil {
		return err
	}
	_, err = list(ctx, p)
	return err
}

func list(ctx context.Context, p *cluster.Provider) ([]string, error) {
	return within(ctx, EngineLimits.Answer, "list its containers", func(context.Context) ([]string, error) {
		names, err := p.List()
		if err != nil {
			return nil, fmt.Errorf("%w: check that Docker is running and that you have permission to use it: %s", ErrEngine, reason(err))
		}
		return names, nil
	})
}

// free makes sure that no cluster has a name. Errors: ErrEngine, ErrExists.
func free(ctx context.Context, p *cluster.Provider, name string) error {
	existing, err := list(ctx, p)
	if err == nil && slices.Contains(existing, name) {
		return taken(name)
	}
	return err
}

func taken(name string) error {
	return fmt.Errorf("%s: %w; delete it or choose another name", name, ErrExists)
}

// reason is the last line that the command which kind ran printed.
func reason(err error) string {
	if re := exec.RunErrorForError(err); re != nil {
		if out := strings.TrimSpace(string(re.Output)); out != "" {
			lines := strings.Split(out, "\n")
			return lines[len(lines)-1]
		}
	}
	return err.Error()
}

// Create creates a cluster and waits until its nodes are ready. After a failure the cluster is deleted; its logs
// are exported to logDir first, unless that is empty. A cluster that another run creates under the same name stays as it is.
// Errors: ErrEngine, ErrExists, ErrCreate, ErrNotReady, ErrName, and those of Claimed and Deleted.
func Create(ctx context.Context, o Options, logDir string) (*Kind, error) {
	if !clusterName.MatchString(o.Name) {
		return nil, fmt.Errorf("%w: %q; use lower case letters, digits and hyphens", ErrName, o.Name)
	}
	p, err := newProvider(o.Log)
	if err != nil {
		return nil, err
	}
	unlock, err := lockName(o.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := free(ctx, p, o.Name); err != nil {
		return nil, err
	}
	if o.Wait == 0 {
		o.Wait = 5 * time.Minute
	}
	if err := os.MkdirAll(filepath.Dir(o.Kubeconfig), 0o755); err != nil {
		return nil, fmt.Errorf("create the directory of the kubeconfig: %w", err)
	}
	if err := prepare(ctx, p, o); err != nil {
		return nil, err
	}
	k := &Kind{Name: o.Name, Kubeconfig: o.Kubeconfig, provider: p, log: o.Log}
	running, err := k.create(ctx, o)
	if errors.Is(err, ErrExists) {
		// Logs and a deletion by name would be those of the other cluster.
		return nil, err
	}
	if err == nil {
		err = k.waitReady(ctx, o.Wait)
	}
	if err != nil {
		return nil, errors.Join(err, k.discard(ctx, running, logDir, o.Deleted))
	}
	return k, nil
}

// Find opens an existing cluster and writes its kubeconfig. Errors: ErrEngine, ErrNoCluster.
func Find(ctx context.Context, name, kubeconfig string, log func(string)) (*Kind, error) {
	p, err := newProvider(log)
	if err != nil {
		return nil, err
	}
	existing, err := list(ctx, p)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(existing, name) {
		return nil, fmt.Errorf("%s: %w", name, ErrNoCluster)
	}
	k := &Kind{Name: name, Kubeconfig: kubeconfig, provider: p, log: log}
	if kubeconfig == "" {
		return k, nil
	}
	return within(ctx, EngineLimits.Answer, "return the kubeconfig of "+name, func(context.Context) (*Kind, error) {
		if err := p.ExportKubeConfig(name, kubeconfig, false); err != nil {
			return nil, fmt.Errorf("%w: %s has no usable kubeconfig; delete the cluster and create it again: %s", ErrNotReady, name, reason(err))
		}
		return k, nil
	})
}

// Delete removes the cluster and its kubeconfig entry; one that does not exist is no error. It works in a context that has ended or ends
// meanwhile, too, but does not wait for long then. Error: ErrEngine.
func (k *Kind) Delete(ctx context.Context) error {
	if ctx.Err() != nil {
		return k.delete(context.WithoutCancel(ctx), EngineLimits.Cancelled)
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(EngineLimits.Cancelled, cancel) })
	defer stop()
	err := k.delete(own, EngineLimits.Delete)
	if own.Err() != nil {
		return fmt.Errorf("delete the cluster %s: %w: %s did not end within %s of the interrupt; delete it when the engine answers", k.Name, ErrEngine, engine(), EngineLimits.Cancelled)
	}
	return err
}

func (k *Kind) delete(ctx context.Context, limit time.Duration) error {
	_, err := within(ctx, limit, "delete the cluster "+k.Name, func(context.Context) (any, error) {
		if err := k.provider.Delete(k.Name, k.Kubeconfig); err != nil {
			return nil, fmt.Errorf("delete the cluster %s: %w: %s", k.Name, ErrEngine, reason(err))
		}
		return nil, nil
	})
	return err
}

// WaitReady waits until every node is ready. Errors: ErrNotReady.
func (k *Kind) WaitReady(ctx context.Context, limit time.Duration) error {
	return k.waitReady(ctx, limit)
}

func (k *Kind) nodes(ctx context.Context) ([]nodes.Node, error) {
	return within(ctx, EngineLimits.Answer, "list the nodes of "+k.Name, func(context.Context) ([]nodes.Node, error) {
		list, err := k.provider.ListInternalNodes(k.Name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s", ErrEngine, reason(err))
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("%s: %w", k.Name, ErrNoCluster)
		}
		return list, nil
	})
}

// Open returns a cluster by its name, whether it exists or not, so that it can be deleted. Errors: ErrEngine.
func Open(name, kubeconfig string, log func(string)) (*Kind, error) {
	p, err := newProvider(log)
	if err != nil {
		return nil, err
	}
	return &Kind{Name: name, Kubeconfig: kubeconfig, provider: p, log: log}, nil
}
