// Package access asks the API server who calls the page in a cluster, and whether he may watch the networks of a namespace.
package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page"
	"github.com/christianb93/bitcoin-controller/internal/review"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Reviewer admits whoever has the rights to watch networks and events, and whoever has that to Lightning networks to these, by a TokenReview and SubjectAccessReviews. It keeps nothing.
type Reviewer struct {
	Core kubernetes.Interface
	// Audience is that of the tokens that are accepted. Empty means the API server's own: a token that it accepts for everything.
	Audience string
}

// shown are the resources of which the page shows something.
var shown = []authorizationv1.ResourceAttributes{
	{Group: v1.SchemeGroupVersion.Group, Resource: "bitcoinnetworks"},
	{Resource: "events"},
}

// lightning are the Lightning networks, without which the page shows the rest.
var lightning = authorizationv1.ResourceAttributes{Group: v1.SchemeGroupVersion.Group, Resource: "lightningnetworks"}

// Admit implements page.Access.
func (r *Reviewer) Admit(ctx context.Context, token, namespace string) (page.Viewer, error) {
	user, err := r.authenticate(ctx, token)
	if err != nil {
		return page.Viewer{}, err
	}
	if namespace == "" {
		namespace = own(user.Username)
	}
	if len(validation.IsDNS1123Label(namespace)) > 0 {
		return page.Viewer{}, &page.Denied{Code: http.StatusBadRequest, Reason: "name the namespace of the networks"}
	}
	for _, attributes := range shown {
		if err := r.authorize(ctx, user, namespace, attributes); err != nil {
			return page.Viewer{}, err
		}
	}
	viewer := page.Viewer{Name: user.Username, Namespace: namespace}
	err = r.authorize(ctx, user, namespace, lightning)
	if denied, is := errors.AsType[*page.Denied](err); is {
		viewer.NoLightning = denied.Reason
		return viewer, nil
	}
	return viewer, err
}

func (r *Reviewer) authenticate(ctx context.Context, token string) (*authenticationv1.UserInfo, error) {
	user, err := review.Token(ctx, r.Core.AuthenticationV1().TokenReviews(), token, r.Audience)
	if err != nil {
		return nil, err
	}
	if user == nil {
		return nil, &page.Denied{Code: http.StatusUnauthorized, Reason: "the token is not valid any more, or not for this page: create another one"}
	}
	return user, nil
}

func (r *Reviewer) authorize(ctx context.Context, user *authenticationv1.UserInfo, namespace string, attributes authorizationv1.ResourceAttributes) error {
	attributes.Namespace, attributes.Verb = namespace, "watch"
	allowed, err := review.Access(ctx, r.Core.AuthorizationV1().SubjectAccessReviews(), user, authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: &attributes})
	if err != nil {
		return err
	}
	if !allowed {
		return &page.Denied{Code: http.StatusForbidden, Reason: fmt.Sprintf("%s has no right to watch %s in namespace %q: an administrator can give it with the role view of the namespace",
			user.Username, attributes.Resource, namespace)}
	}
	return nil
}

// own is the namespace of a service account, empty for a person.
func own(username string) string {
	account, is := strings.CutPrefix(username, "system:serviceaccount:")
	namespace, _, _ := strings.Cut(account, ":")
	if !is {
		return ""
	}
	return namespace
}
