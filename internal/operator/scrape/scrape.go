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
	// deniedLifetime is how long a caller who was not admitted is not reviewed again: a right that is given counts after it.
	deniedLifetime = 10 * time.Second
	// most are the callers that are remembered of each kind; more are a sign of a token for each call.
	most = 100
	// atOnce are the reviews that run at one time. They share the operator's part of the API server with the renewal of its lease.
	atOnce = 4
	// timeout is that of both reviews together.
	timeout = 10 * time.Second
)

// Filter lets a call through whose bearer token the API server accepts (TokenReview), and whose user has the right to its path with its method
// in small letters as the verb (SubjectAccessReview). The answer is 401 without such a token, 403 without the right, 500 when the API server
// does not answer, and 503 while four others are reviewed. Who was admitted is not reviewed again for a minute, and who was not for ten
// seconds. The operator requires the rights to create both reviews.
func Filter(config *rest.Config, client *http.Client) (metricsserver.Filter, error) {
	tokens, err := authentication.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, err
	}
	rights, err := authorization.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, err
	}
	return newDoor(tokens.TokenReviews(), rights.SubjectAccessReviews()).filter, nil
}

// door is what reviews callers.
type door struct {
	tokens authentication.TokenReviewInterface
	rights authorization.SubjectAccessReviewInterface
	now    func() time.Time

	// places has one for each review that runs.
	places chan struct{}

	lock sync.Mutex
	// admitted and denied are the answers to calls, until when they are repeated.
	admitted, denied map[call]answer
}

type answer struct {
	code  int
	until time.Time
}

func newDoor(tokens authentication.TokenReviewInterface, rights authorization.SubjectAccessReviewInterface) *door {
	return &door{tokens: tokens, rights: rights, now: time.Now, places: make(chan struct{}, atOnce), admitted: map[call]answer{}, denied: map[call]answer{}}
}

// call is what is reviewed. It has no token, which would stay in memory.
type call struct {
	token      [sha256.Size]byte
	verb, path string
}

func (d *door) filter(log logr.Logger, handler http.Handler) (http.Handler, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, err := d.answer(r)
		if err != nil && r.Context().Err() == nil {
			log.Error(err, "The right to read metrics could not be reviewed; check the connection with the API server, and the operator's rights to create tokenreviews and subjectaccessreviews")
		}
		if code != http.StatusOK {
			http.Error(w, http.StatusText(code), code)
			return
		}
		handler.ServeHTTP(w, r)
	}), nil
}

// answer returns the status code of the answer, 200 if the call is let through.
func (d *door) answer(r *http.Request) (int, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); token == "" || !strings.EqualFold(scheme, "Bearer") {
		return http.StatusUnauthorized, nil
	}
	c := call{token: sha256.Sum256([]byte(token)), verb: strings.ToLower(r.Method), path: r.URL.Path}
	if code, known := d.known(c); known {
		return code, nil
	}
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	default:
		return http.StatusServiceUnavailable, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	code, err := d.review(ctx, token, c)
	if err != nil {
		return http.StatusInternalServerError, err
	}
	d.remember(c, code)
	return code, nil
}

func (d *door) review(ctx context.Context, token string, c call) (int, error) {
	user, err := review.Token(ctx, d.tokens, token, "")
	if err != nil || user == nil {
		return http.StatusUnauthorized, err
	}
	allowed, err := review.Access(ctx, d.rights, user, authorizationv1.SubjectAccessReviewSpec{
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: c.path, Verb: c.verb},
	})
	if err != nil || !allowed {
		return http.StatusForbidden, err
	}
	return http.StatusOK, nil
}

func (d *door) known(c call) (int, bool) {
	d.lock.Lock()
	defer d.lock.Unlock()
	for _, answers := range []map[call]answer{d.admitted, d.denied} {
		if a, ok := answers[c]; ok && d.now().Before(a.until) {
			return a.code, true
		}
	}
	return 0, false
}

func (d *door) remember(c call, code int) {
	d.lock.Lock()
	defer d.lock.Unlock()
	answers, other, until := d.admitted, d.denied, d.now().Add(lifetime)
	if code != http.StatusOK {
		answers, other, until = d.denied, d.admitted, d.now().Add(deniedLifetime)
	}
	if len(answers) >= most {
		clear(answers)
	}
	answers[c] = answer{code, until}
	delete(other, c)
}
