// Package review asks the API server who calls with a token, and what he may do.
package review

import (
	"context"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authentication "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
)

// Token returns the user with a token, nil if the API server does not accept the token for the audience. An empty audience is that of the API
// server itself. An error is that of the call.
func Token(ctx context.Context, reviews authentication.TokenReviewInterface, token, audience string) (*authenticationv1.UserInfo, error) {
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	if audience != "" {
		review.Spec.Audiences = []string{audience}
	}
	answer, err := reviews.Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	status := &answer.Status
	// An authenticator that knows no audiences returns none, and accepts tokens for others.
	if !status.Authenticated || status.User.Username == "" || audience != "" && !slices.Contains(status.Audiences, audience) {
		return nil, nil //nolint:nilnil // no user, and no error
	}
	return &status.User, nil
}

// Access reports whether a user has a right: spec is that of the review but for the user. An error is that of the call.
func Access(ctx context.Context, reviews authorization.SubjectAccessReviewInterface, user *authenticationv1.UserInfo, spec authorizationv1.SubjectAccessReviewSpec) (bool, error) {
	spec.User, spec.UID, spec.Groups = user.Username, user.UID, user.Groups
	spec.Extra = make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for key, value := range user.Extra {
		spec.Extra[key] = authorizationv1.ExtraValue(value)
	}
	answer, err := reviews.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: spec}, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return answer.Status.Allowed && !answer.Status.Denied, nil
}
