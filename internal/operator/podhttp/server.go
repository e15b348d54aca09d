package podhttp

import (
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
)

// Credential is the operator's as a pod knows it: without the password.
type Credential struct{ salt, rpcauth string }

// ParseCredential reads a value of rpcauth.Value.
func ParseCredential(value string) (Credential, error) {
	value = strings.TrimSpace(value)
	_, hashed, _ := strings.Cut(value, ":")
	salt, hash, found := strings.Cut(hashed, "$")
	if !found || salt == "" || hash == "" {
		return Credential{}, errors.New("the operator's credential is no rpcauth value")
	}
	return Credential{salt: salt, rpcauth: value}, nil
}

// Authorized handles requests with the operator's credential, as bitcoind does, and rejects all others.
func (c Credential) Authorized(realm string, handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		// The salted hash also hides how many characters of a user name are right.
		got := rpcauth.Value(user, password, c.salt)
		if subtle.ConstantTimeCompare([]byte(got), []byte(c.rpcauth)) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="`+realm+`"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handle(w, r)
	}
}

// ForPod handles requests for this pod, and those that name none, and rejects all others.
func ForPod(pod string, handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if name := r.Header.Get(PodHeader); name != "" && name != pod {
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		handle(w, r)
	}
}

// Serve answers requests at an address, for at most a timeout each, and returns what stops it. What ends it otherwise is reported.
func Serve(address string, handler http.Handler, timeout time.Duration, report func(error)) (stop func(), err error) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: timeout,
		IdleTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10,
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	go func() {
		if err := server.Serve(&boundedListener{Listener: listener, limit: maxConnections}); !errors.Is(err, http.ErrServerClosed) {
			report(err)
		}
	}()
	return func() { _ = server.Close() }, nil //nolint:errcheck // the program ends
}
