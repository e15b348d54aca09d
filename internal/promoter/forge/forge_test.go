package forge

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

const token = "tok-3n-secret"

// server is a forge with the parts of the API of GitHub or GitLab that are used here.
type server struct {
	t      *testing.T
	kind   string
	mu     sync.Mutex
	open   []map[string]any
	writes int
	url    string
}

func start(t *testing.T, kind string) *server {
	t.Helper()
	s := &server{t: t, kind: kind}
	srv := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

func (s *server) repository() Repository {
	return Repository{Kind: s.kind, API: s.url, Host: "git.example.com", Path: "team/charts", Token: token}
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+token {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"message":"Bad credentials"}`)
		return
	}
	list := map[string]string{GitHub: "/repos/team/charts/pulls", GitLab: "/projects/team%2Fcharts/merge_requests"}[s.kind]
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), list)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	var body map[string]any
	if r.Method != http.MethodGet {
		s.writes++
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			s.t.Error(err)
		}
	}
	switch r.Method {
	case http.MethodGet:
		s.answer(w, s.matching(r.URL.Query()))
	case http.MethodPost:
		if len(s.open) > 0 {
			w.WriteHeader(map[string]int{GitHub: http.StatusUnprocessableEntity, GitLab: http.StatusConflict}[s.kind])
			fmt.Fprint(w, `{"message":"Validation Failed","errors":[{"message":"A pull request already exists."}]}`)
			return
		}
		n := float64(len(s.open) + 7)
		body["number"], body["html_url"] = n, fmt.Sprintf("https://git.example.com/team/charts/pull/%v", n)
		if s.kind == GitLab {
			delete(body, "number")
			delete(body, "html_url")
			body["iid"], body["web_url"] = n, fmt.Sprintf("https://git.example.com/team/charts/-/merge_requests/%v", n)
		}
		s.open = append(s.open, body)
		w.WriteHeader(http.StatusCreated)
		s.answer(w, body)
	case map[string]string{GitHub: http.MethodPatch, GitLab: http.MethodPut}[s.kind]:
		for _, p := range s.open {
			if rest == fmt.Sprintf("/%v", map[string]any{GitHub: p["number"], GitLab: p["iid"]}[s.kind]) {
				for k, v := range body {
					p[k] = v
				}
				s.answer(w, p)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	}
}

func (s *server) matching(q url.Values) []map[string]any {
	found := []map[string]any{}
	for _, p := range s.open {
		github := s.kind == GitHub && q.Get("state") == "open" && q.Get("head") == fmt.Sprintf("team:%v", p["head"]) && q.Get("base") == p["base"]
		gitlab := s.kind == GitLab && q.Get("state") == "opened" && q.Get("source_branch") == p["source_branch"] && q.Get("target_branch") == p["target_branch"]
		if github || gitlab {
			found = append(found, p)
		}
	}
	return found
}

func (s *server) answer(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.t.Error(err)
	}
}

func TestAPullRequestIsOpenedOnceAndItsTextFollows(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{GitHub: "https://git.example.com/team/charts/pull/7", GitLab: "https://git.example.com/team/charts/-/merge_requests/7"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := start(t, kind)
			q := Request{Base: "main", Head: "chart-promoter/x", Title: "Candidate 1.0.0", Body: "Source-Commit: a"}
			first, err := s.repository().Open(t.Context(), q)
			if err != nil || first.URL != want || !first.Created {
				t.Fatalf("%+v, %v", first, err)
			}
			same, err := s.repository().Open(t.Context(), q)
			if err != nil || same.URL != want || same.Created || s.writes != 1 {
				t.Errorf("again: %+v, %v, %d writes; want none", same, err, s.writes)
			}
			q.Title = "Candidate 1.1.0"
			next, err := s.repository().Open(t.Context(), q)
			if err != nil || next.URL != want || next.Created || len(s.open) != 1 || s.open[0]["title"] != q.Title {
				t.Errorf("another title: %+v, %v; the forge has %v", next, err, s.open)
			}
		})
	}
}

func TestTwoRunsAtTheSameTimeHaveOnePullRequest(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{GitHub, GitLab} {
		s := start(t, kind)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if p, err := s.repository().Open(t.Context(), Request{Base: "main", Head: "x", Title: "t"}); err != nil || p.URL == "" {
					t.Errorf("%s: %+v, %v", kind, p, err)
				}
			})
		}
		wg.Wait()
		if len(s.open) != 1 {
			t.Errorf("%s: %d pull requests", kind, len(s.open))
		}
	}
}

func TestAForgeThatDoesNotOpenItIsExplained(t *testing.T) {
	t.Parallel()
	s := start(t, GitHub)
	strange := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/page"):
			fmt.Fprint(w, "<html>sign in</html>")
		case strings.HasPrefix(r.URL.Path, "/empty"):
			fmt.Fprint(w, "[{}]")
		default:
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprintf(w, `{"message":"no\u001b[31m, %s"}`, token)
		}
	}))
	t.Cleanup(strange.Close)
	for name, c := range map[string]struct {
		change func(*Repository)
		want   error
		text   string
	}{
		"a wrong token":       {func(r *Repository) { r.Token = "wrong" }, ErrAuth, "Bad credentials"},
		"another repository":  {func(r *Repository) { r.Path = "team/none" }, ErrAuth, "404"},
		"nobody listens":      {func(r *Repository) { r.API = "http://127.0.0.1:1" }, ErrUnreachable, "check the network"},
		"a page in its place": {func(r *Repository) { r.API = strange.URL + "/page" }, ErrUnreachable, "another form"},
		"an empty answer":     {func(r *Repository) { r.API = strange.URL + "/empty" }, ErrUnreachable, "no pull request"},
		"it declines":         {func(r *Repository) { r.API = strange.URL + "/x" }, ErrRejected, "422 Unprocessable Entity: no [31m, ***"},
		"an unknown kind":     {func(r *Repository) { r.Kind = None }, ErrRejected, "none"},
	} {
		r := s.repository()
		c.change(&r)
		_, err := r.Open(t.Context(), Request{Base: "main", Head: "x", Title: "t"})
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.want, c.text)
		}
	}
}

func TestAUserCanOpenThePullRequestByALink(t *testing.T) {
	t.Parallel()
	q := Request{Base: "main", Head: "chart-promoter/a b", Title: "t"}
	for kind, want := range map[string]string{
		GitHub: "https://git.example.com/team/charts/compare/main...chart-promoter/a%20b?expand=1",
		GitLab: "https://git.example.com/team/charts/-/merge_requests/new?merge_request%5Bsource_branch%5D=chart-promoter%2Fa+b&merge_request%5Btarget_branch%5D=main",
		None:   "",
	} {
		if got := (Repository{Kind: kind, Host: "git.example.com", Path: "team/charts"}).Link(q); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
	for host, want := range map[string][2]string{
		"github.com": {GitHub, "https://api.github.com"}, "gitlab.com": {GitLab, "https://gitlab.com/api/v4"}, "gitlab.example.com:8443": {GitLab, "https://gitlab.example.com:8443/api/v4"},
		"git.example.com": {None, ""}, "github.com.evil.example": {None, ""},
	} {
		if got := KindOf(host); got != want[0] || DefaultAPI(got, host) != want[1] {
			t.Errorf("%s: %s at %s", host, got, DefaultAPI(got, host))
		}
	}
}
