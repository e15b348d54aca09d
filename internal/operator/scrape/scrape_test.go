package scrape

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// api is an API server that accepts the tokens of these users, and whose user "reader" may read metrics.
type api struct {
	users         map[string]authenticationv1.UserInfo
	tokens        []string
	rights        []authorizationv1.SubjectAccessReviewSpec
	tokenErr, err error
	// before is called before an answer.
	before func()
	lock   sync.Mutex
}

func (a *api) door() *door {
	client := fake.NewClientset()
	client.PrependReactor("create", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if a.before != nil {
			a.before()
		}
		a.lock.Lock()
		defer a.lock.Unlock()
		switch object := action.(clienttesting.CreateAction).GetObject().(type) { //nolint:forcetypeassert // by the verb
		case *authenticationv1.TokenReview:
			a.tokens = append(a.tokens, object.Spec.Token)
			user, known := a.users[object.Spec.Token]
			object.Status = authenticationv1.TokenReviewStatus{Authenticated: known, User: user}
			return true, object, a.tokenErr
		case *authorizationv1.SubjectAccessReview:
			a.rights = append(a.rights, object.Spec)
			object.Status.Allowed = object.Spec.User == "reader" && object.Spec.NonResourceAttributes.Verb == "get"
			return true, object, a.err
		}
		return false, nil, nil
	})
	return newDoor(client.AuthenticationV1().TokenReviews(), client.AuthorizationV1().SubjectAccessReviews())
}

func newAPI() *api {
	return &api{users: map[string]authenticationv1.UserInfo{
		"good":  {Username: "reader", UID: "7", Groups: []string{"g"}, Extra: map[string]authenticationv1.ExtraValue{"k": {"v"}}},
		"other": {Username: "other"}, "nobody": {},
	}}
}

// get is the status code and the body of an answer.
func get(t *testing.T, d *door, method, authorization string) (int, string) {
	t.Helper()
	handler, err := d.filter(logr.Discard(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "metrics") }))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, "/metrics", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestOnlyAUserWithTheRightReadsMetrics(t *testing.T) {
	for name, c := range map[string]struct {
		method, authorization string
		broken                func(*api)
		code                  int
	}{
		"with the right":               {http.MethodGet, "Bearer good", nil, http.StatusOK},
		"in small letters":             {http.MethodGet, "bearer  good ", nil, http.StatusOK},
		"without a header":             {http.MethodGet, "", nil, http.StatusUnauthorized},
		"without a token":              {http.MethodGet, "Bearer ", nil, http.StatusUnauthorized},
		"a token alone":                {http.MethodGet, "good", nil, http.StatusUnauthorized},
		"another scheme":               {http.MethodGet, "Basic good", nil, http.StatusUnauthorized},
		"a token that is not known":    {http.MethodGet, "Bearer bad", nil, http.StatusUnauthorized},
		"a token of nobody":            {http.MethodGet, "Bearer nobody", nil, http.StatusUnauthorized},
		"a user without the right":     {http.MethodGet, "Bearer other", nil, http.StatusForbidden},
		"another method":               {http.MethodPost, "Bearer good", nil, http.StatusForbidden},
		"no answer about the token":    {http.MethodGet, "Bearer good", func(a *api) { a.tokenErr = errors.New("down") }, http.StatusInternalServerError},
		"no answer about the right":    {http.MethodGet, "Bearer good", func(a *api) { a.err = errors.New("down") }, http.StatusInternalServerError},
		"a bad token and no right":     {http.MethodGet, "Bearer bad", func(a *api) { a.err = errors.New("down") }, http.StatusUnauthorized},
		"two tokens, the first is bad": {http.MethodGet, "Bearer bad good", nil, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI()
			if c.broken != nil {
				c.broken(a)
			}
			code, body := get(t, a.door(), c.method, c.authorization)
			if code != c.code || (body == "metrics") != (code == http.StatusOK) {
				t.Errorf("%d %q, want %d", code, body, c.code)
			}
		})
	}
}

func TestTheRightIsThatOfTheWholeUserToThePath(t *testing.T) {
	a := newAPI()
	get(t, a.door(), http.MethodGet, "Bearer good")
	want := []authorizationv1.SubjectAccessReviewSpec{{
		User: "reader", UID: "7", Groups: []string{"g"}, Extra: map[string]authorizationv1.ExtraValue{"k": {"v"}},
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: "/metrics", Verb: "get"},
	}}
	if !reflect.DeepEqual(a.rights, want) {
		t.Errorf("asked was %+v", a.rights)
	}
}

func TestWhoWasAdmittedIsReviewedAgainAfterAMinute(t *testing.T) {
	a := newAPI()
	d := a.door()
	now := time.Now()
	d.now = func() time.Time { return now }
	reviews := func(after time.Duration, authorization string, code, want int) {
		t.Helper()
		now = now.Add(after)
		a.tokens = nil
		if got, _ := get(t, d, http.MethodGet, authorization); got != code || len(a.tokens) != want {
			t.Errorf("%d after %d reviews, want %d after %d", got, len(a.tokens), code, want)
		}
	}
	reviews(0, "Bearer good", http.StatusOK, 1)
	reviews(lifetime-time.Second, "Bearer good", http.StatusOK, 0)
	delete(a.users, "good")
	reviews(time.Second, "Bearer good", http.StatusUnauthorized, 1)
	// A right that is given counts after ten seconds.
	reviews(0, "Bearer other", http.StatusForbidden, 1)
	reviews(0, "Bearer other", http.StatusForbidden, 0)
	reviews(0, "Bearer bad", http.StatusUnauthorized, 1)
	reviews(0, "Bearer bad", http.StatusUnauthorized, 0)
	a.users["bad"] = authenticationv1.UserInfo{Username: "reader"}
	reviews(deniedLifetime, "Bearer bad", http.StatusOK, 1)
	reviews(deniedLifetime, "Bearer bad", http.StatusOK, 0)
}

func TestAnErrorIsNotRemembered(t *testing.T) {
	a := newAPI()
	d := a.door()
	a.err = errors.New("down")
	if code, _ := get(t, d, http.MethodGet, "Bearer good"); code != http.StatusInternalServerError {
		t.Errorf("%d while the API server is down", code)
	}
	a.err = nil
	if code, _ := get(t, d, http.MethodGet, "Bearer good"); code != http.StatusOK {
		t.Errorf("%d after that", code)
	}
}

// The reviews that run are blocked until so many calls have an answer that all others must have it.
func TestFewReviewsRunAtOnce(t *testing.T) {
	const calls = 100
	a := newAPI()
	d := a.door()
	started, release := make(chan struct{}, calls), make(chan struct{})
	a.before = func() {
		started <- struct{}{}
		<-release
	}
	codes := make(chan int, calls)
	for i := range calls {
		go func() {
			code, _ := get(t, d, http.MethodGet, fmt.Sprint("Bearer t", i))
			codes <- code
		}()
	}
	next := func() int {
		select {
		case code := <-codes:
			return code
		case <-time.After(time.Minute):
			t.Fatalf("no answer in a minute, while %d reviews run", len(started))
			return 0
		}
	}
	for range calls - atOnce {
		if code := next(); code != http.StatusServiceUnavailable {
			t.Fatalf("%d while %d reviews run", code, atOnce)
		}
	}
	close(release)
	for range atOnce {
		if code := next(); code != http.StatusUnauthorized {
			t.Errorf("%d of a review that ended", code)
		}
	}
	if len(started) != atOnce {
		t.Errorf("%d reviews ran, want %d", len(started), atOnce)
	}
}

func TestFewCallersAreRemembered(t *testing.T) {
	a := newAPI()
	d := a.door()
	for i := range 3 * most {
		token := fmt.Sprint("t", i)
		a.users[token] = authenticationv1.UserInfo{Username: "reader"}
		get(t, d, http.MethodGet, "Bearer bad"+token)
		if code, _ := get(t, d, http.MethodGet, "Bearer "+token); code != http.StatusOK || len(d.admitted) > most || len(d.denied) > most {
			t.Fatalf("%d with %d callers", code, len(d.admitted))
		}
	}
}
