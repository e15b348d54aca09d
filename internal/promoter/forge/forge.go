// Package forge opens pull requests at the server that hosts a git repository: GitHub and GitLab, by their APIs.
package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// The kinds of forges.
const (
	GitHub = "github"
	GitLab = "gitlab"
	// None is a server without an API that is known here: its pull requests are opened by hand.
	None = "none"
)

var (
	// ErrRejected: the forge answers, and does not do what is requested.
	ErrRejected = failure.New(failure.External, "the forge does not open the pull request")
	// ErrAuth: the forge requires another token.
	ErrAuth = failure.New(failure.External, "the forge rejects the token for the pull request")
	// ErrUnreachable: the forge does not answer, or not as its API does.
	ErrUnreachable = failure.New(failure.External, "the forge cannot be reached")
)

// Repository is a repository at a forge.
type Repository struct {
	// Kind is GitHub, GitLab or None, API the address of the API without a slash at the end.
	Kind, API string
	// Host has no port unless it is part of the addresses that users see; Path is OWNER/NAME.
	Host, Path string
	// Token is sent to API alone. Without it no request is sent.
	Token string
	// Client sends the requests; nil is one with a timeout of 30 seconds.
	Client *http.Client
}

// KindOf is the kind of the forge of a host, by its name.
func KindOf(host string) string {
	switch name, _, _ := strings.Cut(strings.ToLower(host), ":"); {
	case name == "github.com":
		return GitHub
	case strings.Contains(name, "gitlab"):
		return GitLab
	}
	return None
}

// DefaultAPI is the address of the API of a forge at a host; empty for None.
func DefaultAPI(kind, host string) string {
	switch {
	case kind == GitHub && strings.EqualFold(host, "github.com"):
		return "https://api.github.com"
	case kind == GitHub:
		return "https://" + host + "/api/v3"
	case kind == GitLab:
		return "https://" + host + "/api/v4"
	}
	return ""
}

// Request is a pull request to open, or to update when its head has one already.
type Request struct {
	// Base is the branch that the change is for, Head the branch of the same repository that has it.
	Base, Head string
	// Title is one line. Body may have more, in Markdown.
	Title, Body string
}

// PullRequest is an open pull request.
type PullRequest struct {
	// URL is where people see it.
	URL string `json:"url"`
	// Created is true when it did not exist before.
	Created bool `json:"created"`
}

// Link is the page on which a user opens the pull request by hand; empty if the forge has none that is known.
func (r Repository) Link(q Request) string {
	switch r.Kind {
	case GitHub:
		return "https://" + r.Host + "/" + r.Path + "/compare/" + escapeBranch(q.Base) + "..." + escapeBranch(q.Head) + "?expand=1"
	case GitLab:
		v := url.Values{"merge_request[source_branch]": {q.Head}, "merge_request[target_branch]": {q.Base}}
		return "https://" + r.Host + "/" + r.Path + "/-/merge_requests/new?" + v.Encode()
	}
	return ""
}

func escapeBranch(b string) string { return strings.ReplaceAll(url.PathEscape(b), "%2F", "/") }

// Open opens a pull request, or updates the text of the one that is open for the same branches. Run again with the same request it
// changes nothing. Errors: ErrRejected, ErrAuth, ErrUnreachable.
func (r Repository) Open(ctx context.Context, q Request) (PullRequest, error) {
	a, err := r.api()
	if err != nil {
		return PullRequest{}, err
	}
	if found, ok, err := r.update(ctx, a, q); ok || err != nil {
		return found, err
	}
	var created answer
	err = r.call(ctx, http.MethodPost, a.list, a.create(q), &created)
	var conflict *statusError
	if errors.As(err, &conflict) && (conflict.status == http.StatusConflict || conflict.status == http.StatusUnprocessableEntity) {
		// Another run may have opened it in between.
		if found, ok, uerr := r.update(ctx, a, q); ok && uerr == nil {
			return found, nil
		}
	}
	if err != nil {
		return PullRequest{}, err
	}
	u, err := created.url()
	return PullRequest{URL: u, Created: true}, err
}

// update finds the open pull request of the branches and gives it the text of the request.
func (r Repository) update(ctx context.Context, a api, q Request) (PullRequest, bool, error) {
	var found []answer
	if err := r.call(ctx, http.MethodGet, a.list+"?"+a.query(q).Encode(), nil, &found); err != nil || len(found) == 0 {
		return PullRequest{}, false, err
	}
	p := found[0]
	u, err := p.url()
	if err != nil {
		return PullRequest{}, false, err
	}
	if p.Title != q.Title || p.text() != q.Body {
		err = r.call(ctx, a.updateMethod, fmt.Sprintf("%s/%d", a.list, p.number()), a.change(q), nil)
	}
	return PullRequest{URL: u}, true, err
}

// statusError is an answer with a status that is no success.
type statusError struct {
	status int
	cause  error
	text   string
}

func (e *statusError) Error() string { return fmt.Sprintf("%v: %s", e.cause, e.text) }
func (e *statusError) Unwrap() error { return e.cause }

// Kind is that of the cause.
func (e *statusError) Kind() failure.Kind { return failure.External }

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 4 << 20

func (r Repository) call(ctx context.Context, method, address string, body map[string]any, into any) error {
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, in)
	if err != nil {
		return fmt.Errorf("%w: the address of the API is not valid; set pullRequest.api: %w", ErrUnreachable, err)
	}
	// A redirect to another host does not get this header.
	req.Header.Set("Authorization", "Bearer "+r.Token)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	client := r.Client
	if client == nil {
		client = &http.Client{Timeout: 30 * time.Second}
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%w: check the network and pullRequest.api: %w", ErrUnreachable, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if resp.StatusCode >= 300 {
		return r.rejection(resp, method, req.URL, data)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%w: %s answers in another form than a %s API; check pullRequest.forge and pullRequest.api: %w", ErrUnreachable, req.URL.Host, r.Kind, err)
	}
	return nil
}

func (r Repository) rejection(resp *http.Response, method string, u *url.URL, data []byte) error {
	cause := ErrRejected
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound: // GitHub answers 404 for what a token may not see
		cause = ErrAuth
	}
	text := fmt.Sprintf("%s %s%s: %s", method, u.Host, u.Path, resp.Status)
	if why := reason(data); why != "" {
		text += ": " + why
	}
	if r.Token != "" {
		text = strings.ReplaceAll(text, r.Token, "***")
	}
	return &statusError{resp.StatusCode, cause, text}
}

// reason is the explanation in an answer, in one line: foreign text, of which at most 500 bytes are repeated.
func reason(data []byte) string {
	var a struct {
		Message any `json:"message"`
		Error   any `json:"error"`
		Errors  []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(data, &a) != nil {
		return ""
	}
	var parts []string
	for _, m := range []any{a.Message, a.Error} {
		if m != nil {
			parts = append(parts, fmt.Sprint(m))
		}
	}
	for _, e := range a.Errors {
		if e.Message != "" {
			parts = append(parts, e.Message)
		}
	}
	text := strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.Join(parts, "; "))
	if len(text) > 500 {
		text = strings.ToValidUTF8(text[:500], "") + "…"
	}
	return text
}
