package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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

// DeleteBeyond deletes the namespaces and definitions that are not in before, with all they hold, and waits until they are gone. Where
// there is one API server it does not wait, as Kubernetes does, until several have heard that a namespace is deleted. Errors: ErrInstall
// when something cannot be deleted within limit, or within a last round that may take longer; ErrSilent.
func (c *Client) DeleteBeyond(ctx context.Context, before *Contents, limit time.Duration) error {
	left, last := leftovers{}, error(nil)
	kinds := c.namespacedKinds(ctx)
	// With the context of the poll, a request that is cut at the limit would hide what is left.
	err := wait.PollUntilContextTimeout(ctx, 300*time.Millisecond, limit, true, func(context.Context) (bool, error) {
		left, last = c.deleteOnce(ctx, before, kinds)
		return len(left.names) == 0 && last == nil, nil
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case last != nil:
		return fmt.Errorf("%w: %w", ErrSilent, last)
	case err != nil:
		return fmt.Errorf("%w: after the uninstallation %s not deleted within %s%s", ErrInstall, left, limit, left.cause())
	}
	return nil
}

// leftovers are the names of what still exists.
type leftovers struct {
	names []string
	// rejected is whether the API server has given a reason.
	rejected bool
}

// add adds a name, and err as the reason if it is one. It returns the error of a cluster that does not answer.
func (l *leftovers) add(name string, err error) error {
	switch {
	case err == nil || isNotFound(err) || isConflict(err):
		l.names = append(l.names, name)
	case answered(err):
		l.names = append(l.names, fmt.Sprintf("%s (%s)", name, strings.ReplaceAll(err.Error(), "\n", "; ")))
		l.rejected = true
	default:
		return err
	}
	return nil
}

func (l leftovers) String() string {
	if len(l.names) == 1 {
		return l.names[0] + " was"
	}
	return strings.Join(l.names, ", ") + " were"
}

// cause is the likely one, where the API server has given none.
func (l leftovers) cause() string {
	if l.rejected {
		return ""
	}
	return ": something waits for a controller that is gone"
}

// deleteOnce requests the deletions, and returns what still exists. An error is that of a cluster that does not answer.
func (c *Client) deleteOnce(ctx context.Context, before *Contents, kinds []namespacedKind) (left leftovers, err error) {
	now, err := c.Contents(ctx)
	if err != nil {
		return left, err
	}
	for _, name := range now.Definitions {
		if slices.Contains(before.Definitions, name) {
			continue
		}
		if err := left.add("the definition "+name, c.dynamic.Resource(crdResource).Delete(ctx, name, metav1.DeleteOptions{})); err != nil {
			return left, err
		}
	}
	for _, name := range now.Namespaces {
		if slices.Contains(before.Namespaces, name) {
			continue
		}
		if err := left.add("the namespace "+name, c.deleteNamespace(ctx, name, kinds)); err != nil {
			return left, err
		}
	}
	return left, nil
}
