package cluster

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// faultOf decides who has to act on an error of Helm's or of a client's: ErrSilent when the cluster has gone away or denies access, so
// that nothing is known of the chart, and ErrInstall otherwise.
func (h Helm) faultOf(ctx context.Context, r Release, err error) error {
	if interrupted(err) || denied(err, r) || !h.answers(ctx) {
		return ErrSilent
	}
	return ErrInstall
}

// interrupted reports whether a request got no answer. A request that ran out of time proves nothing: Helm ends its requests when a chart
// is not ready in time.
func interrupted(err error) bool {
	request, ok := errors.AsType[*url.Error](err)
	return ok && !request.Timeout() && !errors.Is(request, context.Canceled)
}

// revisionPrefix begins the names of the Secrets in which Helm stores its revisions.
const revisionPrefix = "sh.helm.release.v1."

// denied reports whether the kubeconfig's user may not do what every installation needs. That other objects are forbidden can be the
// chart's fault: quotas and admission answer so too. A request that creates an object by POST does not name it.
func denied(err error, r Release) bool {
	if apierrors.IsUnauthorized(err) {
		return true
	}
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || !apierrors.IsForbidden(status) || status.ErrStatus.Details == nil {
		return false
	}
	switch object := status.ErrStatus.Details; object.Kind {
	case "namespaces":
		return object.Name == "" || object.Name == r.Namespace
	case "secrets":
		return object.Name == "" || strings.HasPrefix(object.Name, revisionPrefix)
	default:
		return false
	}
}

// answerLimit is the timeout of one request that only finds out whether a cluster answers.
const answerLimit = 15 * time.Second

// answers reports whether the cluster answers now. Some of Helm's errors have only the text of their cause.
func (h Helm) answers(ctx context.Context) bool {
	c, err := Connect(h.Kubeconfig)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	err = c.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Error()
	return err == nil || apierrors.IsForbidden(err) || apierrors.IsNotFound(err)
}
