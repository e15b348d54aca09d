package access

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page"
)

// api is an API server with these answers, which keeps the questions.
type api struct {
	*fake.Clientset
	token  authenticationv1.TokenReviewStatus
	rights authorizationv1.SubjectAccessReviewStatus
	err    error
	asked  []authorizationv1.SubjectAccessReviewSpec
	tokens []authenticationv1.TokenReviewSpec
}

func newAPI() *api {
	a := &api{Clientset: fake.NewClientset(), rights: authorizationv1.SubjectAccessReviewStatus{Allowed: true}}
	a.token = authenticationv1.TokenReviewStatus{Authenticated: true, Audiences: []string{"page"}, User: authenticationv1.UserInfo{
		Username: "system:serviceaccount:team-a:viewer", UID: "7", Groups: []string{"g"}, Extra: map[string]authenticationv1.ExtraValue{"k": {"v"}},
	}}
	a.PrependReactor("create", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		switch object := action.(clienttesting.CreateAction).GetObject().(type) { //nolint:forcetypeassert // by the verb
		case *authenticationv1.TokenReview:
			a.tokens = append(a.tokens, object.Spec)
			object.Status = a.token
			return true, object, a.err
		case *authorizationv1.SubjectAccessReview:
			a.asked = append(a.asked, object.Spec)
			object.Status = a.rights
			return true, object, a.err
		}
		return false, nil, nil
	})
	return a
}

func TestEachKindOfObjectIsReviewedForTheWholeUser(t *testing.T) {
	a := newAPI()
	viewer, err := (&Reviewer{Core: a, Audience: "page"}).Admit(t.Context(), "token", "")
	if err != nil || viewer != (page.Viewer{Name: "system:serviceaccount:team-a:viewer", Namespace: "team-a"}) {
		t.Fatalf("%v, %v", viewer, err)
	}
	if !reflect.DeepEqual(a.tokens, []authenticationv1.TokenReviewSpec{{Token: "token", Audiences: []string{"page"}}}) {
		t.Errorf("the token is reviewed as %v", a.tokens)
	}
	var resources []string
	for _, spec := range a.asked {
		resources = append(resources, strings.Join([]string{spec.ResourceAttributes.Verb, spec.ResourceAttributes.Group, spec.ResourceAttributes.Resource, spec.ResourceAttributes.Namespace}, " "))
		if spec.User != viewer.Name || spec.UID != "7" || !reflect.DeepEqual(spec.Groups, []string{"g"}) || !reflect.DeepEqual(spec.Extra, map[string]authorizationv1.ExtraValue{"k": {"v"}}) {
			t.Errorf("the user is %+v", spec)
		}
	}
	if want := []string{"watch bitcoincontroller.christianb93.github.com bitcoinnetworks team-a", "watch  events team-a",
		"watch bitcoincontroller.christianb93.github.com lightningnetworks team-a"}; !reflect.DeepEqual(resources, want) {
		t.Errorf("asked was %q, want %q", resources, want)
	}
}

func TestWhoeverIsNotKnownOrLacksARightIsDenied(t *testing.T) {
	for name, c := range map[string]struct {
		change           func(*api)
		token, namespace string
		code             int
	}{
		"a token that is not accepted":           {func(a *api) { a.token = authenticationv1.TokenReviewStatus{} }, "t", "team-a", http.StatusUnauthorized},
		"a token for another audience":           {func(a *api) { a.token.Audiences = []string{"other"} }, "t", "team-a", http.StatusUnauthorized},
		"an authenticator without audiences":     {func(a *api) { a.token.Audiences = nil }, "t", "team-a", http.StatusUnauthorized},
		"nobody":                                 {func(a *api) { a.token.User.Username = "" }, "t", "team-a", http.StatusUnauthorized},
		"no right":                               {func(a *api) { a.rights = authorizationv1.SubjectAccessReviewStatus{} }, "t", "team-a", http.StatusForbidden},
		"a right that another authorizer denies": {func(a *api) { a.rights.Denied = true }, "t", "team-a", http.StatusForbidden},
		"a person without a namespace":           {func(a *api) { a.token.User.Username = "ann" }, "t", "", http.StatusBadRequest},
		"a namespace that is a path":             {nil, "t", "a/b", http.StatusBadRequest},
	} {
		a := newAPI()
		if c.change != nil {
			c.change(a)
		}
		_, err := (&Reviewer{Core: a, Audience: "page"}).Admit(t.Context(), c.token, c.namespace)
		if denied, is := errors.AsType[*page.Denied](err); !is || denied.Code != c.code {
			t.Errorf("%s: %v, want the code %d", name, err, c.code)
		}
	}
	a := newAPI()
	a.err = errors.New("no connection")
	_, err := (&Reviewer{Core: a, Audience: "page"}).Admit(t.Context(), "t", "team-a")
	if _, denied := errors.AsType[*page.Denied](err); err == nil || denied {
		t.Errorf("an API server that does not answer: %v", err)
	}
}

// With an empty audience, tokens of people count too.
func TestWithoutAnAudienceTheTokensOfTheAPIServerCount(t *testing.T) {
	a := newAPI()
	a.token.Audiences, a.token.User.Username = nil, "ann@example.com"
	viewer, err := (&Reviewer{Core: a}).Admit(t.Context(), "t", "team-b")
	if err != nil || viewer.Namespace != "team-b" || a.tokens[0].Audiences != nil {
		t.Errorf("%v, %v, %v", viewer, err, a.tokens)
	}
}
