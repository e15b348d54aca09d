package step

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// beforeLatest runs something before the first writes of the tag latest.
type beforeLatest struct {
	mu   sync.Mutex
	runs []func()
}

func (b *beforeLatest) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/latest") {
		b.mu.Lock()
		var run func()
		if len(b.runs) > 0 {
			run, b.runs = b.runs[0], b.runs[1:]
		}
		b.mu.Unlock()
		if run != nil {
			run()
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

// release is the project of a clone with a commit and tag of its own.
func (w *world) release(tag string) *Project {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "source")
	git(w.t, filepath.Dir(dir), "clone", "-q", w.origin, dir)
	git(w.t, dir, "-c", "user.name=A", "-c", "user.email=a@localhost", "commit", "-q", "--allow-empty", "-m", "feat: "+tag)
	git(w.t, dir, "tag", tag)
	p := *w.p
	p.Dir, p.Work = dir, workdir.Dir(filepath.Join(filepath.Dir(dir), "work"))
	return &p
}

func TestLatestIsTheHighestOfReleasesThatArePushedAtTheSameTime(t *testing.T) {
	t.Parallel()
	for name, others := range map[string][]string{"one": {"v1.1.0"}, "one after the other": {"v1.1.0", "v1.2.0", "v2.0.0"}, "a lower one": {"v0.9.0"}, "a candidate": {"v1.1.0-rc.1"}} {
		w := newWorld(t)
		o := BuildOptions{SkipTests: true, Platforms: []string{"linux/amd64"}}
		want := map[string]string{}
		var hook beforeLatest
		for _, tag := range others {
			other := w.release(tag)
			hook.runs = append(hook.runs, func() {
				b, err := Build(t.Context(), other, o)
				if err != nil {
					t.Error(err)
					return
				}
				want[tag] = b.Digest
			})
		}
		w.tag("v1.0.0")
		w.p.Access.Transport = &hook
		b, err := Build(t.Context(), w.p, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(want) != len(others) {
			t.Errorf("%s: %d of %d releases were pushed", name, len(want), len(others))
		}
		highest := want[others[len(others)-1]]
		if name == "a lower one" || name == "a candidate" {
			highest = b.Digest
		}
		if got, err := w.p.Access.Digest(t.Context(), w.host+"/hello:latest"); err != nil || got != highest || b.Latest != (highest == b.Digest) {
			t.Errorf("%s: latest is %s, %v, the build reports %v; v1.0.0 is %s, the others %v", name, got, err, b.Latest, b.Digest, want)
		}
	}
}
