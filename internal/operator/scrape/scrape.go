// Package scrape admits to the metrics whoever has the right to them. controller-runtime has such a filter as well, with the API server's own
// library: the program was 28 MB larger with it, 42 % of its size.
package scrape

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	authentication "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/christianb93/bitcoin-controller/internal/review"
)

const (
	// lifetime is how long a caller who was admitted is not reviewed again: a right that is taken away counts that long.
	lifetime = time.Minute
	// most are the callers that are remembered; more are a sign of a token for each call.
	most = 100
	// timeout is that of both reviews together.
	timeout = 10 * time.Second
)

// Filter lets a call through whose bearer token the API server accepts (TokenReview), and whose user has the right to its path with its method
// in small letters as the verb (SubjectAccessReview). The answer is 401 without such a token, 403 without the right, and 500 when the
// API server does not answer. Who was admitted is not reviewed again for a minute. The operator requires the rights to create both reviews.
func Filter(config *rest.Config, client *http.Client) (metricsserver.Filter, error) {
	tokens, err := authentication.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, err
	}
	rights, err := authorization.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, err
	}
	d := &door{tokens: tokens.TokenReviews(), rights: rights.SubjectAccessReviews(), now: time.Now, admitted: map[call]time.Time{}}
	return d.filter, nil
}

// door is what reviews callers.
type door struct {
	tokens authentication.TokenReviewInterface
	rights authorization.SubjectAccessReviewInterface
	now    func() time.Time

	lock sync.Mutex
	// admitted are calls that may be repeated until then.
	admitted map[call]time.Time
}

// call is what is reviewed. It has no token, which would stay in memory.
type call struct {
	token      [sha256.Size]byte
	verb, path string
}

func (d *door) filter(log logr.Logger, handler http.Handler) (http.Handler, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, err := d.review(r)
		if err != nil {
			log.Error(err, "The right to read metrics could not be reviewed; check the connection with the API server, and the operator's rights to create tokenreviews and subjectaccessreviews")
		}
		if code != http.StatusOK {
			http.Error(w, http.StatusText(code), code)
			return
		}
		handler.ServeHTTP(w, r)
	}), nil
}

// review returns the status code of the answer, 200 if the call is let through.
func (d *door) review(r *http.Request) (int, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); token == "" || !strings.EqualFold(scheme, "Bearer") {
		return http.StatusUnauthorized, nil
	}
	c := call{token: sha256.Sum256([]byte(token)), verb: strings.ToLower(r.Method), path: r.URL.Path}
	if d.knows(c) {
		return http.StatusOK, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	user, err := review.Token(ctx, d.tokens, token, "")
	switch {
	case err != nil:
		return http.StatusInternalServerError, err
	case user == nil:
		return http.StatusUnauthorized, nil
	}
	return d.authorize(ctx, user, c)
}

func (d *door) authorize(ctx context.Context, user *authenticationv1.UserInfo, c call) (int, error) {
	allowed, err := review.Access(ctx, d.rights, user, authorizationv1.SubjectAccessReviewSpec{
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: c.path, Verb: c.verb},
	})
	switch {
	case err != nil:
		return http.StatusInternalServerError, err
	case !allowed:
		return http.StatusForbidden, nil
	}
	d.remember(c)
	return http.StatusOK, nil
}

func (d *door) knows(c call) bool {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.now().Before(d.admitted[c])
}

func (d *door) remember(c call) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if len(d.admitted) >= most {
		clear(d.admitted)
	}
	d.admitted[c] = d.now().Add(lifetime)
}
