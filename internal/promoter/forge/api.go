package forge

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// api is what the APIs of the forges differ in.
type api struct {
	// list is the address of the repository's pull requests; that of one of them has its number at the end.
	list         string
	updateMethod string
	// query finds the open pull request of a request's branches.
	query func(Request) url.Values
	// create and change are the bodies of the requests that open a pull request and that change its text.
	create, change func(Request) map[string]any
}

func (r Repository) api() (api, error) {
	owner, _, _ := strings.Cut(r.Path, "/")
	switch r.Kind {
	case GitHub:
		return api{
			list: r.API + "/repos/" + r.Path + "/pulls", updateMethod: http.MethodPatch,
			query: func(q Request) url.Values {
				return url.Values{"state": {"open"}, "head": {owner + ":" + q.Head}, "base": {q.Base}}
			},
			create: func(q Request) map[string]any {
				return map[string]any{"title": q.Title, "body": q.Body, "head": q.Head, "base": q.Base}
			},
			change: func(q Request) map[string]any { return map[string]any{"title": q.Title, "body": q.Body} },
		}, nil
	case GitLab:
		return api{
			list: r.API + "/projects/" + url.PathEscape(r.Path) + "/merge_requests", updateMethod: http.MethodPut,
			query: func(q Request) url.Values {
				return url.Values{"state": {"opened"}, "source_branch": {q.Head}, "target_branch": {q.Base}}
			},
			create: func(q Request) map[string]any {
				return map[string]any{"title": q.Title, "description": q.Body, "source_branch": q.Head, "target_branch": q.Base, "remove_source_branch": true}
			},
			change: func(q Request) map[string]any { return map[string]any{"title": q.Title, "description": q.Body} },
		}, nil
	}
	return api{}, fmt.Errorf("%w: %q is no forge with an API that is known here", ErrRejected, r.Kind)
}

// answer is a pull request in the APIs' answers; GitHub's has a number, GitLab's an iid.
type answer struct {
	Number      int    `json:"number"`
	IID         int    `json:"iid"`
	HTMLURL     string `json:"html_url"`
	WebURL      string `json:"web_url"`
	Title       string `json:"title"`
	Body        string `json:"body"`
	Description string `json:"description"`
}

func (a answer) number() int  { return a.Number + a.IID }
func (a answer) text() string { return a.Body + a.Description }

// url is the address for people. Errors: ErrUnreachable for an answer of something else than a forge.
func (a answer) url() (string, error) {
	u, err := url.Parse(a.HTMLURL + a.WebURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || a.number() <= 0 {
		return "", fmt.Errorf("%w: its answer has no pull request; check pullRequest.forge and pullRequest.api", ErrUnreachable)
	}
	return u.String(), nil
}
