package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Contents are the names of what Helm leaves in a cluster when it uninstalls a release: namespaces, with volume claims and what hooks
// created in them, and definitions of custom resources.
type Contents struct{ Namespaces, Definitions []string }

// Contents lists what a cluster has.
func (c *Client) Contents(ctx context.Context) (*Contents, error) {
	var found Contents
	namespaces, err := c.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the namespaces: %w: %w", ErrSilent, err)
	}
	for _, n := range namespaces.Items {
		found.Namespaces = append(found.Namespaces, n.Name)
	}
	definitions, err := c.dynamic.Resource(crdResource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the definitions of custom resources: %w: %w", ErrSilent, err)
	}
	for _, d := range definitions.Items {
		found.Definitions = append(found.Definitions, d.GetName())
	}
	return &found, nil
}

// DeleteBeyond deletes the namespaces and definitions that are not in before, with all they hold, and waits until they are gone. Where there
// is one API server it does not wait, as Kubernetes does, until several have heard that a namespace is deleted. Error: ErrInstall when
// something cannot be deleted within limit.
func (c *Client) DeleteBeyond(ctx context.Context, before *Contents, limit time.Duration) error {
	left, last := "", error(nil)
	kinds := c.namespacedKinds(ctx)
	// With the context of the poll, a request that is cut at the limit would hide what is left.
	err := wait.PollUntilContextTimeout(ctx, 300*time.Millisecond, limit, true, func(context.Context) (bool, error) {
		left, last = c.deleteOnce(ctx, before, kinds)
		return left == "" && last == nil, nil
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case last != nil:
		return fmt.Errorf("%w: %w", ErrSilent, last)
	case err != nil:
		return fmt.Errorf("%w: after the uninstallation %s was not deleted within %s: something in it waits for a controller that is gone", ErrInstall, left, limit)
	}
	return nil
}

// deleteOnce requests the deletions, and returns the name of something that still exists, with the reason if the API server gives one. An
// error is that of a cluster that does not answer.
func (c *Client) deleteOnce(ctx context.Context, before *Contents, kinds []namespacedKind) (left string, err error) {
	now, err := c.Contents(ctx)
	if err != nil {
		return "", err
	}
	remains := func(what string, err error) error {
		var answer apierrors.APIStatus
		switch {
		case err == nil || isNotFound(err) || isConflict(err):
			left = what
		case errors.As(err, &answer):
			left = fmt.Sprintf("%s (%v)", what, err)
		default:
			return err
		}
		return nil
	}
	for _, name := range now.Definitions {
		if slices.Contains(before.Definitions, name) {
			continue
		}
		if err := remains("the definition "+name, c.dynamic.Resource(crdResource).Delete(ctx, name, metav1.DeleteOptions{})); err != nil {
			return "", err
		}
	}
	for _, name := range now.Namespaces {
		if slices.Contains(before.Namespaces, name) {
			continue
		}
		if err := remains("the namespace "+name, c.deleteNamespace(ctx, name, kinds)); err != nil {
			return "", err
		}
	}
	return left, nil
}
