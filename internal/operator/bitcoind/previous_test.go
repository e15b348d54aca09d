package bitcoind

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// A node that has not restarted since the password was changed knows only the previous one.
func TestThePreviousPasswordIsUsedWhenTheNodeRejectsTheNewOne(t *testing.T) {
	for _, test := range []struct {
		knows, previous string
		tries           int
		lets            bool
	}{
		{"new", "old", 1, true}, {"old", "old", 2, true}, {"old", "", 1, false}, {"other", "old", 2, false},
	} {
		tries := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			tries++
			if _, password, _ := r.BasicAuth(); password != test.knows {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = w.Write([]byte(`[{"result":"hash","error":null,"id":0}]`))
		}))
		at, err := netip.ParseAddrPort(strings.TrimPrefix(server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		hash := ""
		err = NewClient(nil, nil).Call(t.Context(), Endpoint{
			Host: at.Addr().String(), Port: int(at.Port()), User: "operator", Password: "new", PreviousPassword: test.previous,
		}, GetBlockHash(1, &hash))
		if (err == nil) != test.lets || tries != test.tries || test.lets != (hash == "hash") || err != nil && !errors.Is(err, ErrUnauthorized) {
			t.Errorf("%+v: %v after %d tries, %q", test, err, tries, hash)
		}
		server.Close()
	}
}
