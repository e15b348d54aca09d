package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	kinderrors "sigs.k8s.io/kind/pkg/errors"
	"sigs.k8s.io/kind/pkg/exec"
)

// ExportLogs writes the journals, the logs below /var/log and the image lists of kind's nodes to dir. Those that were written before an
// error stay.
func (k *Kind) ExportLogs(ctx context.Context, dir string) error {
	_, err := within(ctx, EngineLimits.Logs, "return all logs", func(ctx context.Context) (any, error) {
		failed, noCrictl := splitErrors(k.provider.CollectLogs(k.Name, dir))
		if noCrictl {
			failed = append(failed, k.listImages(ctx, dir))
		}
		return nil, errors.Join(failed...)
	})
	if err != nil {
		return fmt.Errorf("export the logs of %s: %w", k.Name, err)
	}
	return nil
}

// splitErrors returns the errors of an export one by one, without those that only report that a node has no crictl: a node image
// needs none, and kind uses it only to list images.
func splitErrors(err error) (failed []error, noCrictl bool) {
	if err == nil {
		return nil, false
	}
	all := kinderrors.Errors(err)
	if len(all) == 0 {
		all = []error{err}
	}
	for _, e := range all {
		if re := exec.RunErrorForError(e); re != nil && slices.Contains(re.Command, "crictl") {
			noCrictl = true
			continue
		}
		failed = append(failed, errors.New(reason(e)))
	}
	return failed, noCrictl
}

// listImages uses the client of containerd, which is in every node.
func (k *Kind) listImages(ctx context.Context, dir string) error {
	list, err := k.nodes(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range list {
		out, err := run(ctx, n, nil, "ctr", "--namespace=k8s.io", "images", "list")
		if err != nil {
			errs = append(errs, fmt.Errorf("list the images of %s: %s", n, lastOf(out, err)))
			continue
		}
		path := filepath.Join(dir, n.String())
		errs = append(errs, os.MkdirAll(path, 0o755), os.WriteFile(filepath.Join(path, "images.log"), []byte(strings.TrimSpace(out)+"\n"), 0o644))
	}
	return errors.Join(errs...)
}
