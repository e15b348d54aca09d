// Package cluster makes kind clusters to test in, brings images into them under their own digests, and installs Helm
// packages, all through the libraries of kind and Helm.
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
	// ErrEngine: no container engine runs here, or it refuses.
	ErrEngine = failure.New(failure.External, "the container engine cannot be used")
	// ErrExists: a cluster of this name is there already.
	ErrExists = failure.New(failure.BadInput, "a cluster of this name exists already")
	// ErrNoCluster: there is no cluster of this name.
	ErrNoCluster = failure.New(failure.BadInput, "no cluster of this name")
	// ErrCreate: kind could not make the cluster.
	ErrCreate = failure.New(failure.External, "the cluster could not be made")
	// ErrNotReady: the cluster is there and does not get ready in time.
	ErrNotReady = failure.New(failure.External, "the cluster does not get ready")
	// ErrName: a name that kind does not accept.
	ErrName = failure.New(failure.BadInput, "not a usable name for a cluster")
)

// Options say what kind of cluster to make.
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
}

var clusterName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$`)

// UniqueName appends what no other cluster has, so that several pipelines on one machine do not meet.
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
	// The library alone does not look at this variable; the kind command does, and people set it for both.
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

// Engine says whether clusters can be made here at all. Errors: ErrEngine.
func Engine(log func(string)) error {
	p, err := newProvider(log)
	if err != nil {
		return err
	}
	_, err = list(p)
	return err
}

func list(p *cluster.Provider) ([]string, error) {
	names, err := p.List()
	if err != nil {
		return nil, fmt.Errorf("%w: is Docker running, and may you use it? %s", ErrEngine, reason(err))
	}
	return names, nil
}

// reason is what the command that kind ran had to say.
func reason(err error) string {
	if re := exec.RunErrorForError(err); re != nil {
		if out := strings.TrimSpace(string(re.Output)); out != "" {
			lines := strings.Split(out, "\n")
			return lines[len(lines)-1]
		}
	}
	return err.Error()
}

// Create makes a cluster and waits until its nodes are ready. What a failed attempt left is deleted, but for its logs,
// which are exported to logDir when that is not empty. Errors: ErrEngine, ErrExists, ErrCreate, ErrNotReady, ErrName.
func Create(ctx context.Context, o Options, logDir string) (*Kind, error) {
	if !clusterName.MatchString(o.Name) {
		return nil, fmt.Errorf("%w: %q; use lower case letters, digits and hyphens", ErrName, o.Name)
	}
	p, err := newProvider(o.Log)
	if err != nil {
		return nil, err
	}
	existing, err := list(p)
	if err != nil {
		return nil, err
	}
	if slices.Contains(existing, o.Name) {
		return nil, fmt.Errorf("%s: %w; delete it or choose another name", o.Name, ErrExists)
	}
	if o.Wait == 0 {
		o.Wait = 5 * time.Minute
	}
	if err := os.MkdirAll(filepath.Dir(o.Kubeconfig), 0o755); err != nil {
		return nil, fmt.Errorf("making the directory of the kubeconfig: %w", err)
	}
	k := &Kind{Name: o.Name, Kubeconfig: o.Kubeconfig, provider: p, log: o.Log}
	err = k.create(ctx, o)
	if err == nil {
		err = k.waitReady(ctx, o.Wait)
	}
	if err != nil {
		if logDir != "" {
			_ = k.ExportLogs(logDir)
		}
		return nil, errors.Join(err, k.Delete())
	}
	return k, nil
}

// create ends kind's work, which knows no context, by taking its containers away.
func (k *Kind) create(ctx context.Context, o Options) error {
	opts := []cluster.CreateOption{
		cluster.CreateWithKubeconfigPath(o.Kubeconfig), cluster.CreateWithRetain(true),
		cluster.CreateWithDisplayUsage(false), cluster.CreateWithDisplaySalutation(false),
	}
	if o.NodeImage != "" {
		opts = append(opts, cluster.CreateWithNodeImage(o.NodeImage))
	}
	if len(o.Config) > 0 {
		opts = append(opts, cluster.CreateWithRawConfig(o.Config))
	}
	done := make(chan error, 1)
	go func() { done <- k.provider.Create(o.Name, opts...) }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("%w: %s", ErrCreate, reason(err))
		}
		return nil
	case <-ctx.Done():
		_ = k.Delete()
		<-done //nolint:errcheck // ended by the kill, which says nothing more
		return ctx.Err()
	}
}

// Find opens an existing cluster and writes its kubeconfig. Errors: ErrEngine, ErrNoCluster.
func Find(name, kubeconfig string, log func(string)) (*Kind, error) {
	p, err := newProvider(log)
	if err != nil {
		return nil, err
	}
	existing, err := list(p)
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
	if err := p.ExportKubeConfig(name, kubeconfig, false); err != nil {
		return nil, fmt.Errorf("%w: %s has no configuration to give, it is damaged; delete it: %s", ErrNotReady, name, reason(err))
	}
	return k, nil
}

// List names the kind clusters on this machine. Errors: ErrEngine.
func List() ([]string, error) {
	p, err := newProvider(nil)
	if err != nil {
		return nil, err
	}
	return list(p)
}

// Delete removes the cluster and its kubeconfig entry; one that does not exist is no error.
func (k *Kind) Delete() error {
	if err := k.provider.Delete(k.Name, k.Kubeconfig); err != nil {
		return fmt.Errorf("deleting the cluster %s: %w: %s", k.Name, ErrEngine, reason(err))
	}
	return nil
}

// WaitReady waits until every node is ready. Errors: ErrNotReady.
func (k *Kind) WaitReady(ctx context.Context, limit time.Duration) error {
	return k.waitReady(ctx, limit)
}

func (k *Kind) nodes() ([]nodes.Node, error) {
	list, err := k.provider.ListInternalNodes(k.Name)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrEngine, reason(err))
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: %w", k.Name, ErrNoCluster)
	}
	return list, nil
}

// Open is a cluster by its name, whether it exists or not; to delete it. Errors: ErrEngine.
func Open(name, kubeconfig string, log func(string)) (*Kind, error) {
	p, err := newProvider(log)
	if err != nil {
		return nil, err
	}
	return &Kind{Name: name, Kubeconfig: kubeconfig, provider: p, log: log}, nil
}
