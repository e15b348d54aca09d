// Package travis is a small client of the Travis API, version 3: it lists the last builds of a repository.
package travis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// DefaultAPI is where the API of travis-ci.com answers.
const DefaultAPI = "https://api.travis-ci.com"

var (
	// ErrAddress: the API's address or the repository's name cannot be used.
	ErrAddress = failure.New(failure.BadInput, "the request to the Travis API is not valid")
	// ErrAuth: the API requires a token, or another one.
	ErrAuth = failure.New(failure.External, "the Travis API rejects the token")
	// ErrNotFound: the repository does not exist, or is not visible with this token.
	ErrNotFound = failure.New(failure.BadInput, "the Travis API has no such repository")
	// ErrUnreachable: the API did not answer.
	ErrUnreachable = failure.New(failure.External, "the Travis API does not answer")
	// ErrAnswer: the answer is not as the API documents it.
	ErrAnswer = failure.New(failure.External, "the response of the Travis API is not valid")
)

const (
	// pageSize is the API's largest page.
	pageSize = 100
	// maxBody of one answer, in bytes; a page of a hundred builds takes about 200 KB.
	maxBody = 8 << 20
)

// Build is one build of a repository.
type Build struct {
	ID     int64  `json:"id"`
	Number string `json:"number"`
	// State is created, received, started, passed, failed, errored or canceled.
	State string `json:"state"`
	// Event is push, pull_request, api or cron.
	Event  string `json:"event"`
	Branch string `json:"branch,omitempty"`
	Tag    string `json:"tag,omitempty"`
	// PullRequest is its number, 0 for other builds.
	PullRequest int    `json:"pullRequest,omitempty"`
	Commit      string `json:"commit"`
	Message     string `json:"message,omitempty"`
	// DurationSeconds of all of it; nil while the build has not ended.
	DurationSeconds *int64 `json:"durationSeconds,omitempty"`
	// StartedAt and FinishedAt are nil while that has not happened.
	StartedAt  *time.Time `json:"startedAt,omitempty"`
	FinishedAt *time.Time `json:"finishedAt,omitempty"`
}

// Client sends requests to one API. Printing it shows no token.
type Client struct {
	base  *url.URL
	token token
	http  *http.Client
}

// token is hidden in every message.
type token string

func (token) String() string { return "(hidden)" }

// String keeps the token out of every log; GoString does so for %#v.
func (c *Client) String() string { return "client of " + c.base.String() }

// GoString is String.
func (c *Client) GoString() string { return c.String() }

// New creates a client for the API at address; public repositories need no token. A token is sent to this host only, and
// over plain HTTP to this machine only. Errors: ErrAddress.
func New(address, secret string) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(address, "/"))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("%w: write the API's address as %s", ErrAddress, DefaultAPI)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%w: the API's address has more than a host and a path; the token belongs in the environment", ErrAddress)
	case u.Scheme == "http" && secret != "" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("%w: the token would be sent over plain HTTP to %s; use https", ErrAddress, u.Host)
	case strings.ContainsAny(secret, "\r\n"):
		return nil, fmt.Errorf("%w: the token contains a line break", ErrAuth)
	}
	c := &Client{base: u, token: token(secret)}
	c.http = &http.Client{CheckRedirect: c.checkRedirect}
	return c, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkRedirect stays on the host: the library would send the token to subdomains too.
func (c *Client) checkRedirect(r *http.Request, via []*http.Request) error {
	if r.URL.Scheme != c.base.Scheme || r.URL.Host != c.base.Host {
		return fmt.Errorf("%w: redirect to another host, %s; use the API's own address", ErrAnswer, r.URL.Host)
	}
	if len(via) >= 5 {
		return fmt.Errorf("%w: too many redirects", ErrAnswer)
	}
	return nil
}

// Query selects builds.
type Query struct {
	// Repository is OWNER/NAME.
	Repository string
	// Branch is the only branch; empty is all.
	Branch string
	// Limit is how many, newest first.
	Limit int
}

var slug = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_./-]+$`)

// Builds lists the last builds, newest first. Errors: all of this package.
func (c *Client) Builds(ctx context.Context, q Query) ([]Build, error) {
	if !slug.MatchString(q.Repository) {
		return nil, fmt.Errorf("%w: write a repository as OWNER/NAME, not %q", ErrAddress, q.Repository)
	}
	if q.Limit < 1 {
		return nil, fmt.Errorf("%w: the number of builds must be at least 1", ErrAddress)
	}
	builds := []Build{}
	for len(builds) < q.Limit {
		p, err := c.page(ctx, q, len(builds))
		if err != nil {
			return nil, fmt.Errorf("list the builds of %s: %w", q.Repository, err)
		}
		for _, b := range p.Builds {
			builds = append(builds, b.build())
		}
		// A server that always returns an empty page that is not the last would otherwise cause an endless loop.
		if len(p.Builds) == 0 || p.Pagination.IsLast {
			break
		}
	}
	return builds[:min(len(builds), q.Limit)], nil
}

func (c *Client) page(ctx context.Context, q Query, offset int) (*page, error) {
	params := url.Values{"limit": {strconv.Itoa(min(q.Limit-offset, pageSize))}, "sort_by": {"id:desc"}}
	if offset > 0 {
		params.Set("offset", strconv.Itoa(offset))
	}
	if q.Branch != "" {
		params.Set("branch.name", q.Branch)
	}
	// The slash belongs to the repository's name, not to the path.
	address := c.base.String() + "/repo/" + url.PathEscape(q.Repository) + "/builds?" + params.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	r.Header.Set("Travis-API-Version", "3")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "chart-promoter")
	if c.token != "" {
		r.Header.Set("Authorization", "token "+string(c.token))
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreachable(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, c.unreachable(err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("%w: it is larger than %d MB", ErrAnswer, maxBody>>20)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, c.statusError(resp.StatusCode, body)
	}
	var p page
	if err := json.Unmarshal(body, &p); err != nil || p.Type != "builds" {
		return nil, fmt.Errorf("%w: %s returned no list of builds; check the API's address", ErrAnswer, c.base.Host)
	}
	return &p, nil
}

// unreachable distinguishes a redirect that was not followed from a missing host; neither error contains the whole URL.
func (c *Client) unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, ErrAnswer) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %s does not answer within the time limit; try again later or raise the limit: %w", ErrUnreachable, c.base.Host, context.DeadlineExceeded)
	}
	return fmt.Errorf("%w: %w; check its address and the network", ErrUnreachable, err)
}

// statusError turns a status into an error, with the API's own message.
func (c *Client) statusError(status int, body []byte) error {
	var e struct {
		Message string `json:"error_message"`
	}
	message := ""
	if json.Unmarshal(body, &e) == nil && e.Message != "" {
		message = fmt.Sprintf(" (%q)", shorten(e.Message))
	}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		if c.token == "" {
			return fmt.Errorf("%w: no token is set, and the API requires one%s", ErrAuth, message)
		}
		return fmt.Errorf("%w: status %d%s; create a new one with `travis token`", ErrAuth, status, message)
	case status == http.StatusNotFound:
		return fmt.Errorf("%w%s; check the name, and that the token's owner has access to it", ErrNotFound, message)
	case status == http.StatusTooManyRequests:
		return fmt.Errorf("%w: too many requests%s; try again later", ErrUnreachable, message)
	case status >= 500:
		return fmt.Errorf("%w: status %d%s; try again later", ErrUnreachable, status, message)
	}
	return fmt.Errorf("%w: status %d%s; check the API's address", ErrAnswer, status, message)
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}
