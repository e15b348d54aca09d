package image

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

func TestARegistryThatAcceptsAndNeverAnswersTimesOut(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a := Access{Transport: NewTransport(200 * time.Millisecond)}
	for what, ask := range map[string]func() error{
		"its tags":          func() error { _, err := a.Tags(t.Context(), l.Addr().String()+"/hi"); return err },
		"whether to let in": func() error { return a.CheckPush(t.Context(), l.Addr().String()+"/hi") },
	} {
		done := make(chan error, 1)
		go func() { done <- ask() }()
		select {
		case err := <-done:
			if !errors.Is(err, ErrRegistry) {
				t.Errorf("%s: %v", what, err)
			}
		case <-time.After(time.Minute):
			t.Errorf("%s: no timeout", what)
		}
	}
	if own, ok := (Access{}).transport().(endingTransport); !ok || own.limit == 0 {
		t.Error("without a transport of its own there is no limit")
	}
}

// Some registries create no repositories by themselves. Amazon's answers like this until the repository is created.
func TestARegistryWithoutTheRepositoryReportsThatItMustBeCreated(t *testing.T) {
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost || r.Method == http.MethodPut {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"errors":[{"code":"NAME_UNKNOWN","message":"The repository does not exist"}]}`))
			return
		}
		inner.ServeHTTP(w, r)
	}))
	defer srv.Close()
	ref := strings.TrimPrefix(srv.URL, "http://") + "/team/hi"
	idx := build(t, spec(program(t, "hello")))
	_, _, pushed := (Access{}).Push(t.Context(), idx, ref+":1", true)
	for what, err := range map[string]error{"asked before the build": (Access{}).CheckPush(t.Context(), ref), "pushed to": pushed} {
		if !errors.Is(err, ErrRegistry) || !strings.Contains(err.Error(), "has no repository "+ref) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
