package page

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// cluster is a page in a cluster whose people are tokens of the form NAME/NAMESPACE, and which has one simulated network in team-a.
type cluster struct {
	*simulated
	mu     sync.Mutex
	denied map[string]bool
	// noLightning is why people may not watch Lightning networks, by token.
	noLightning map[string]string
	broken      bool
	// failing is how many of the next checks have no answer.
	failing int
	opened  int
	calls   int
}

func (c *cluster) Admit(_ context.Context, token, namespace string) (Viewer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	name, own, ok := strings.Cut(token, "/")
	switch {
	case c.failing > 0:
		c.failing--
		return Viewer{}, errors.New("no connection")
	case c.broken:
		return Viewer{}, errors.New("connection refused by 10.0.0.1")
	case !ok || c.denied[token]:
		return Viewer{}, &Denied{http.StatusUnauthorized, "the token is not valid any more"}
	case namespace == "":
		namespace = own
	case namespace != own:
		return Viewer{}, &Denied{http.StatusForbidden, fmt.Sprintf("%s has no right to watch bitcoinnetworks in namespace %q", name, namespace)}
	}
	return Viewer{name, namespace, c.noLightning[token]}, nil
}

func (c *cluster) Open(_ context.Context, namespace string) (Stores, func(), error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened++
	stores := Stores{c.store, c.lightning}
	if namespace != "team-a" {
		stores = Stores{state.New(), state.New()}
		stores.Networks.Set("page", map[string]any{"namespace": namespace})
	}
	return stores, func() { c.mu.Lock(); c.opened--; c.mu.Unlock() }, nil
}

func (c *cluster) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// newCluster returns the page, and its address.
func newCluster(t *testing.T) (*cluster, string) {
	t.Helper()
	c := &cluster{simulated: newSimulated(t, 5, 5), denied: map[string]bool{}, noLightning: map[string]string{}}
	for i := range c.nodes {
		c.store.Delete(fmt.Sprintf("mempool/net/%d", i)) // which nobody reports in a cluster
	}
	c.store.Set("page", map[string]any{"namespace": "team-a"})
	server := httptest.NewServer((&Shared{Access: c, Values: c, Audience: "the-page", heartbeat: 100 * time.Millisecond, recheck: 100 * time.Millisecond}).Handler())
	t.Cleanup(server.Close)
	return c, server.URL
}

// get makes a call with a token.
func get(t *testing.T, method, address, token string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() }) //nolint:errcheck // it was only read
	return response
}

func TestThePageInAClusterHasNoCallThatDoesSomething(t *testing.T) {
	c, address := newCluster(t)
	for _, call := range []string{
		"POST /api/action", "POST /api/visible", "GET /api/log?network=net&node=0&namespace=team-a", "GET /api/action", "POST /api/stream?namespace=team-a", "DELETE /api/stream", "PUT /", "POST /main.js",
	} {
		method, path, _ := strings.Cut(call, " ")
		if got := get(t, method, address+path, "eve/team-a").StatusCode; got != http.StatusNotFound && got != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", call, got)
		}
	}
	if len(c.actions()) > 0 || c.opened > 0 || len(c.viewed) > 0 {
		t.Errorf("something was done: %v, %d, %v", c.actions(), c.opened, c.viewed)
	}
}

func TestThePageInAClusterIsForThoseWhoMayWatchItsNamespace(t *testing.T) {
	c, address := newCluster(t)
	for _, test := range []struct {
		token, query string
		code         int
		words        string
	}{
		{"", "", http.StatusUnauthorized, "sign in with a token"},
		{"wrong", "namespace=team-a", http.StatusUnauthorized, "not valid any more"},
		{"eve/team-b", "namespace=team-a", http.StatusForbidden, `eve has no right to watch bitcoinnetworks in namespace "team-a"`},
	} {
		response := get(t, http.MethodGet, address+"/api/stream?"+test.query, test.token)
		body, _ := bufio.NewReader(response.Body).ReadString('\n')
		if response.StatusCode != test.code || !strings.Contains(body, test.words) {
			t.Errorf("%+v: %d %s", test, response.StatusCode, body)
		}
	}
	first := func(token, query string) string {
		response := get(t, http.MethodGet, address+"/api/stream?"+query, token)
		reader := bufio.NewReader(response.Body)
		_, _ = reader.ReadString('\n') // the id
		data, err := reader.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if data := first("eve/team-b", ""); strings.Contains(data, "network/net") || !strings.Contains(data, "team-b") {
		t.Errorf("a tenant sees %s", data)
	}
	if data := first("ann/team-a", "namespace=team-a"); !strings.Contains(data, "network/net") {
		t.Errorf("the owner sees %s", data)
	}
	c.set(func() { c.broken = true })
	response := get(t, http.MethodGet, address+"/api/stream", "ann/team-a")
	if body, _ := bufio.NewReader(response.Body).ReadString('\n'); response.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "10.0.0.1") {
		t.Errorf("without an API server: %d %s", response.StatusCode, body)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/api/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-site")
	if response, err = http.DefaultClient.Do(r); err != nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another site: %v %v", response, err)
	}
	response.Body.Close() //nolint:errcheck // it was only read
}

// A token that is over, or a right that was taken away, ends what runs; one check without an answer does not.
func TestAStreamEndsWithTheRightToIt(t *testing.T) {
	c, address := newCluster(t)
	response := get(t, http.MethodGet, address+"/api/stream?namespace=team-a", "ann/team-a")
	reader := bufio.NewReader(response.Body)
	read := func() (string, error) { return reader.ReadString('\n') }
	if _, err := read(); err != nil {
		t.Fatal(err)
	}
	c.set(func() { c.failing = 1 })
	testtools.Eventually(t, "a check without an answer and one with", browserLimit, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.failing > 0 || c.calls < 3 {
			return fmt.Errorf("%d calls, %d are to fail", c.calls, c.failing)
		}
		return nil
	})
	c.store.Set("still", 1)
	for line := ""; !strings.Contains(line, "still"); {
		var err error
		if line, err = read(); err != nil {
			t.Fatalf("the stream ended though only one check had no answer: %v", err)
		}
	}
	c.set(func() { c.denied["ann/team-a"] = true })
	for started := time.Now(); ; {
		if _, err := read(); err != nil {
			break
		}
		if time.Since(started) > browserLimit {
			t.Fatal("the stream continues without a right to it")
		}
	}
	testtools.Eventually(t, "the end of the watch", browserLimit, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.opened != 0 {
			return fmt.Errorf("%d are open", c.opened)
		}
		return nil
	})
}

// One person cannot take the page from the others, nor can a caller without a token take the API server.
func TestThereAreBoundsForOneViewerAndForAll(t *testing.T) {
	_, address := newCluster(t)
	for i := range maxOfOne {
		if got := get(t, http.MethodGet, address+"/api/stream", "ann/team-a").StatusCode; got != http.StatusOK {
			t.Fatalf("stream %d: %d", i, got)
		}
	}
	if got := get(t, http.MethodGet, address+"/api/stream", "ann/team-a").StatusCode; got != http.StatusTooManyRequests {
		t.Errorf("one more stream of a person: %d", got)
	}
	if got := get(t, http.MethodGet, address+"/api/stream", "bob/team-a").StatusCode; got != http.StatusOK {
		t.Errorf("another person: %d", got)
	}
	s := &Shared{viewers: map[string]int{}, namespaces: map[string]int{}}
	var leave func()
	for i := range maxViewers {
		if i == maxOfNamespace {
			if _, entered := s.enter(Viewer{Name: "one more", Namespace: "ns0"}); entered {
				t.Error("there is no bound for a namespace")
			}
		}
		left, entered := s.enter(Viewer{Name: fmt.Sprint(i), Namespace: fmt.Sprint("ns", i/maxOfNamespace)})
		if leave = left; !entered {
			t.Fatalf("viewer %d is rejected", i)
		}
	}
	other := Viewer{Name: "one more", Namespace: "other"}
	if _, entered := s.enter(other); entered {
		t.Error("there is no bound for all")
	}
	leave()
	if _, entered := s.enter(other); !entered {
		t.Error("a place that is free again is not given away")
	}
	c, address := newCluster(t)
	limited := 0
	for range 2 * callsAtOnce {
		if get(t, http.MethodGet, address+"/api/stream", "wrong").StatusCode == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited == 0 || c.calls >= 2*callsAtOnce {
		t.Errorf("%d of %d calls without a token reached the API server", c.calls, 2*callsAtOnce)
	}
}
