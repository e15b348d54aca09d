package passes

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

func TestATimeoutEndsAContextAsADeadlineDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		ctx, cancel := WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := ctx.Err(); err != nil {
			t.Errorf("it begins with %v", err)
		}
		<-ctx.Done()
		if took := time.Since(started); took != 2*time.Second || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("it ended after %s: %v", took, ctx.Err())
		}
	})
}

func TestAContextWithATimeoutEndsWithItsParent(t *testing.T) {
	parent, end := context.WithCancel(t.Context())
	ctx, cancel := WithTimeout(parent, time.Hour)
	defer cancel()
	end()
	if <-ctx.Done(); !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("it ended with %v", ctx.Err())
	}
	ctx, cancel = WithTimeout(t.Context(), time.Hour)
	cancel()
	if <-ctx.Done(); !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("it was cancelled with %v", ctx.Err())
	}
}

// The messages of conditions and the clients of the nodes distinguish a timeout from a call that was cancelled.
func TestACallThatTakesTooLongHasTheErrorOfATimeout(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		t.Error(response.Body.Close())
	}
	if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
