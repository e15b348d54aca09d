package bitcoind

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A failed call in a successful round trip is observed; an entry that has already been added is no failure.
func TestFailedCallsAreObserved(t *testing.T) {
	for message, want := range map[string]string{
		`{"code":-5,"message":"Error: Invalid address"}`: "refused", `{"code":-23,"message":"Error: Node already added"}`: "",
	} {
		node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`[{"id":0,"result":null,"error":` + message + `}]`))
		}))
		got := "not observed"
		c := NewClient(func(_ string, _ time.Duration, err error) { got = Reason(err) }, func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, node.Listener.Addr().String())
		})
		if err := c.Call(t.Context(), Endpoint{Host: "node"}, AddNode("10.0.0.1")); err == nil {
			t.Errorf("%s is no error", message)
		}
		if got != want {
			t.Errorf("%s is observed as %q, want %q", message, got, want)
		}
		node.Close()
	}
}
