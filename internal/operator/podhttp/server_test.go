package podhttp

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
)

func TestOnlyTheCredentialIsAuthorized(t *testing.T) {
	credential, err := ParseCredential(rpcauth.Value("operator", "secret", "salt") + "\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		user, password string
		want           int
	}{
		"the operator":     {"operator", "secret", http.StatusOK},
		"another password": {"operator", "Secret", http.StatusUnauthorized},
		"another user":     {"operators", "secret", http.StatusUnauthorized},
		"nobody":           {"", "", http.StatusUnauthorized},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		if test.user != "" {
			r.SetBasicAuth(test.user, test.password)
		}
		called := false
		credential.Authorized("realm", func(http.ResponseWriter, *http.Request) { called = true })(w, r)
		if w.Code != test.want || called != (test.want == http.StatusOK) {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

func TestWhatIsNoCredentialIsReported(t *testing.T) {
	for _, text := range []string{"", "operator", "operator:salt", "operator:salt$", "operator:$hash"} {
		if _, err := ParseCredential(text); err == nil {
			t.Errorf("%q is one", text)
		}
	}
}

func TestAnotherPodRejectsTheRequest(t *testing.T) {
	server := httptest.NewServer(ForPod("net-1", func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	address := server.Listener.Addr().(*net.TCPAddr)
	for name, want := range map[string]int{"": http.StatusOK, "net-1": http.StatusOK, "net-2": http.StatusMisdirectedRequest} {
		status, _, err := NewClient(nil).Call(t.Context(), Pod{Host: address.IP.String(), Port: address.Port, Name: name}, http.MethodGet, "/", nil)
		if err != nil || status != want {
			t.Errorf("%q: %d, %v", name, status, err)
		}
	}
}
