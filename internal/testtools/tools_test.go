package testtools

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

// recorder ends like a test, and keeps how.
type recorder struct {
	testing.TB
	end string
}

func (r *recorder) Skip(...any) {
	r.end = "skipped"
	runtime.Goexit()
}

func (r *recorder) Fatalf(string, ...any) {
	r.end = "failed"
	runtime.Goexit()
}

func TestFindEndsTheTestWithoutTheProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for required, want := range map[string]string{"": "skipped", "0": "skipped", "1": "failed"} {
		t.Setenv("REQUIRE_TOOLS", required)
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			Find(r, "no-such-program", "nor-this-one")
		}()
		<-done
		if r.end != want {
			t.Errorf("REQUIRE_TOOLS=%q: the test %s, want %s", required, r.end, want)
		}
	}
}

func TestFindReturnsTheFirstThatIsInstalled(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/second", nil, 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	if got := Find(t, "first", "second"); !strings.HasSuffix(got, "/second") {
		t.Errorf("got %s", got)
	}
}
