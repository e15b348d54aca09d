package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"
	"sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/exec"
	"sigs.k8s.io/yaml"
)

// pullNodeImages pulls the node images that the engine does not have. Kind would do it too, but its pulls know no context: a run that
// is cancelled would wait for a gigabyte. Errors: ErrCreate, ErrEngine.
func pullNodeImages(ctx context.Context, o Options) error {
	for _, image := range nodeImages(o) {
		local, err := localImage(ctx, image)
		if err != nil {
			return err
		}
		if local {
			continue
		}
		logger{o.Log}.line("pulling the node image " + image)
		if err := pull(ctx, image); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// nodeImages are the images of the cluster's nodes, as kind selects them: one for all nodes, or that of each node, or kind's own.
func nodeImages(o Options) []string {
	if o.NodeImage != "" {
		return []string{o.NodeImage}
	}
	var config struct {
		Nodes []struct {
			Image string `json:"image"`
		} `json:"nodes"`
	}
	// Kind itself reports a configuration that cannot be read.
	if err := yaml.Unmarshal(o.Config, &config); err != nil {
		return nil
	}
	if len(config.Nodes) == 0 {
		return []string{defaults.Image}
	}
	var images []string
	for _, n := range config.Nodes {
		if n.Image == "" {
			n.Image = defaults.Image
		}
		if !slices.Contains(images, n.Image) {
			images = append(images, n.Image)
		}
	}
	return images
}

// prepare does all that comes before the first container, and ends with a name that is still free.
func prepare(ctx context.Context, p *cluster.Provider, o Options) error {
	if err := pullNodeImages(ctx, o); err != nil {
		return err
	}
	// A pull takes minutes, and another run may have created a cluster of this name meanwhile.
	if err := free(ctx, p, o.Name); err != nil {
		return err
	}
	if o.Claimed != nil {
		return o.Claimed()
	}
	return nil
}

// create returns kind's creation when that has not ended with the context or the limit: kind knows neither. Errors: ErrExists, ErrCreate.
func (k *Kind) create(ctx context.Context, o Options) (running <-chan error, err error) {
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
	limit := time.NewTimer(EngineLimits.Create)
	defer limit.Stop()
	select {
	case err := <-done:
		switch {
		case err == nil:
			return nil, nil
		case isTaken(err):
			return nil, taken(o.Name)
		}
		return nil, fmt.Errorf("%w: %s", ErrCreate, reason(err))
	case <-ctx.Done():
		return done, ctx.Err()
	case <-limit.C:
		return done, fmt.Errorf("%w within %s: restart the container engine if it hangs", ErrCreate, EngineLimits.Create)
	}
}

// isTaken reports whether kind, or the engine, found containers of another cluster of the name. They have no error of their own for it.
func isTaken(err error) bool {
	text := err.Error()
	if re := exec.RunErrorForError(err); re != nil {
		text += string(re.Output)
	}
	for _, words := range []string{"already exist for a cluster with the name", "is already in use by", "is already used by ID"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// discard deletes what a failed creation left, running or not, after its logs are exported. It calls deleted if nothing can be left.
func (k *Kind) discard(ctx context.Context, running <-chan error, logDir string, deleted func() error) error {
	// A run that was cancelled is to end in seconds, and its logs matter to no one.
	if logDir != "" && ctx.Err() == nil {
		if err := k.ExportLogs(ctx, logDir); err != nil {
			logger{k.log}.line("some logs could not be exported: " + err.Error())
		}
	}
	ended := running == nil || k.abort(running)
	if err := k.Delete(ctx); err != nil || !ended || deleted == nil {
		return err
	}
	return deleted()
}

// abort deletes the containers of a creation until it ends: kind may be between two of them, and create another one after the first
// deletion. The caller deletes once more. It reports whether the creation has ended.
func (k *Kind) abort(running <-chan error) bool {
	ctx, cancel := context.WithTimeout(context.Background(), EngineLimits.Cancelled)
	defer cancel()
	for ctx.Err() == nil {
		_ = k.delete(ctx, EngineLimits.Delete)
		select {
		case <-running: //nolint:errcheck // the caller has the error that ended it
			return true
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
	return false
}
