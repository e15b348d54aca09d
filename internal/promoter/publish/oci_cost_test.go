package publish

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
)

// counting is a registry that counts requests. While it holds, each request waits for a second one at the same time, or a second.
type counting struct {
	mu                sync.Mutex
	inner             http.Handler
	requests, running int
	together          int // the most requests at the same time
	hold              bool
	met               chan struct{}
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.requests++
	c.running++
	c.together = max(c.together, c.running)
	if c.running > 1 && c.met != nil {
		close(c.met)
		c.met = nil
	}
	met := c.met
	if c.hold && met == nil && c.running == 1 {
		c.met = make(chan struct{})
		met = c.met
	}
	c.mu.Unlock()
	if c.hold && met != nil && strings.Contains(r.URL.Path, "/manifests/") {
		select {
		case <-met:
		case <-time.After(time.Second):
		}
	}
	c.inner.ServeHTTP(w, r)
	c.mu.Lock()
	c.running--
	c.mu.Unlock()
}

func TestTheNewestVersionsOfARegistryCostRequestsForThemAlone(t *testing.T) {
	t.Parallel()
	c := &counting{inner: registry.New(registry.Logger(quiet()), registry.WithReferrersSupport(true))}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	target := open(t, Config{OCI: strings.TrimPrefix(s.URL, "http://") + "/charts"})
	for n := range 12 {
		publish(t, target, item(t, fmt.Sprintf("1.%d.0", n)))
	}
	c.requests, c.together, c.hold = 0, 0, true
	newest, err := target.Newest(t.Context(), 3, "operator")
	if err != nil || len(newest) != 3 {
		t.Fatalf("%+v %v", newest, err)
	}
	var versions []string
	for _, e := range newest {
		versions = append(versions, e.Version)
	}
	if diff := cmp.Diff([]string{"1.11.0", "1.10.0", "1.9.0"}, versions); diff != "" {
		t.Error(diff)
	}
	found, err := target.AttestationsOf(t.Context(), map[string][]string{"operator": versions})
	all := found["operator"]
	if err != nil || len(all) != 3 || len(all["1.10.0"]) != 1 || string(all["1.10.0"][0]) != `{"attestation":"1.10.0"}` {
		t.Errorf("%q %v", all, err)
	}
	if c.requests > 45 { // each request has one more that probes the API
		t.Errorf("%d requests for 3 of 12 versions", c.requests)
	}
	if c.together < 2 {
		t.Errorf("at most %d request at a time", c.together)
	}
}

func TestTheNewestVersionsOfEachTarget(t *testing.T) {
	t.Parallel()
	for name, config := range kinds() {
		target := open(t, config(t))
		for n := range 3 {
			publish(t, target, item(t, fmt.Sprintf("1.%d.0", n)))
		}
		for limit, want := range map[int]int{0: 3, 2: 2, 5: 3} {
			if list, err := target.Newest(t.Context(), limit, "operator"); err != nil || len(list) != want || list[0].Version != "1.2.0" {
				t.Errorf("%s, %d: %+v %v", name, limit, list, err)
			}
		}
	}
}
