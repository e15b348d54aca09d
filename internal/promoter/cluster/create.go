package cluster

import (
	"context"
	"fmt"
	osexec "os/exec"
	"slices"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"
	"sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/yaml"
)

// pullNodeImages pulls the node images that the engine does not have. Kind would do it too, but its pulls know no context: a run that
// is cancelled would wait for a gigabyte. Error: ErrCreate.
func pullNodeImages(ctx context.Context, o Options) error {
	for _, image := range nodeImages(o) {
		if localImage(ctx, image) {
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

// pullAttempts is how often an image is pulled, with a second more between the attempts each time, as kind does it.
const pullAttempts = 4

func second(attempt int) time.Duration { return time.Duration(attempt) * time.Second }

// pause is the time before an attempt; tests do not wait.
var pause = second

func pull(ctx context.Context, image string) error {
	var out []byte
	var err error
	for i := range pullAttempts {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause(i)):
		}
		cmd := osexec.CommandContext(ctx, engine(), "pull", "--quiet", image)
		// What the engine's command started may hold its output open.
		cmd.WaitDelay = time.Second
		if out, err = cmd.CombinedOutput(); err == nil {
			return nil
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: the node image %s cannot be pulled: %s", ErrCreate, image, lastOf(string(out), err))
}

// endGrace is how long a creation that was cancelled may take to end.
const endGrace = 20 * time.Second

// create cancels kind, which has no context, by deleting its containers.
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
		k.abort(done)
		return ctx.Err()
	}
}

// abort deletes the containers of a creation until it ends: kind may be between two of them, and create another one after the first
// deletion. The caller deletes once more.
func (k *Kind) abort(done <-chan error) {
	limit := time.After(endGrace)
	for {
		_ = k.Delete()
		select {
		case <-done: //nolint:errcheck // the caller has the error of the context
			return
		case <-limit:
			return
		case <-time.After(500 * time.Millisecond):
		}
	}
}
