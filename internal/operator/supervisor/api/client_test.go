package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/podhttp"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// serve returns the pod of a supervisor that answers with a status and a body.
func serve(t *testing.T, handle http.HandlerFunc) Pod {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	address := server.Listener.Addr().(*net.TCPAddr)
	return Pod{Host: address.IP.String(), Port: address.Port, User: "operator", Password: "new"}
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestWhatNoSupervisorAnswersIsRejected(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"no list":          {200, `{"slot":0}`, ErrGarbage},
		"no JSON":          {200, "<html>", ErrGarbage},
		"a slot twice":     {200, `[{"slot":1},{"slot":1}]`, ErrGarbage},
		"a negative slot":  {200, `[{"slot":-1}]`, ErrGarbage},
		"a high slot":      {200, fmt.Sprintf(`[{"slot":%d}]`, MaxNodes), ErrGarbage},
		"negative starts":  {200, `[{"slot":0,"started":-1}]`, ErrGarbage},
		"negative exits":   {200, `[{"slot":0,"exits":-1}]`, ErrGarbage},
		"another status":   {500, `[]`, ErrGarbage},
		"a redirect":       {302, "", ErrGarbage},
		"a large response": {200, "[" + strings.Repeat(" ", podhttp.MaxResponseBytes) + "]", ErrGarbage},
		"unauthorized":     {401, "", ErrUnauthorized},
		"a newer target":   {409, "", ErrOutdated},
	} {
		pod := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://192.0.2.1/")
			w.WriteHeader(test.status)
			io.WriteString(w, test.body) //nolint:errcheck // a client may close early
		})
		if nodes, err := NewClient(nil).Nodes(deadline(t), pod); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, %v", name, nodes, err)
		}
	}
}

func TestTheOutputInAnAnswerIsBounded(t *testing.T) {
	pod := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `[{"slot":%d,"lastExit":{"code":1,"output":"%s"}}]`, MaxNodes-1, strings.Repeat("é", MaxOutputBytes))
	})
	nodes, err := NewClient(nil).Nodes(deadline(t), pod)
	if err != nil {
		t.Fatal(err)
	}
	if got := nodes[0].LastExit.Output; got != strings.Repeat("é", MaxOutputBytes/2) {
		t.Errorf("%d bytes", len(got))
	}
}

// The program cannot import the API, which needs more than the standard library.
func TestAPodHasTheSlotsOfTheAPI(t *testing.T) {
	if MaxNodes != v1.MaxNodesPerPod {
		t.Errorf("%d slots, %d nodes", MaxNodes, v1.MaxNodesPerPod)
	}
}

func TestAPodWithThePreviousPasswordIsReached(t *testing.T) {
	var got []string
	pod := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		_, password, _ := r.BasicAuth()
		got = append(got, r.Method+" "+r.URL.Path+" "+password+" "+string(body))
		if err != nil || password != "old" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	client := NewClient(nil)
	if err := client.SetTarget(deadline(t), pod, Target{}); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("without the previous password: %v", err)
	}
	pod.PreviousPassword, got = "old", nil
	if err := client.SetTarget(deadline(t), pod, Target{Nodes: 7, Revision: 3, Forget: true}); err != nil {
		t.Error(err)
	}
	const body = `{"nodes":7,"revision":3,"forget":true}`
	if want := "POST /nodes new " + body + "\nPOST /nodes old " + body; strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

func TestTheDialFunctionGetsHostAndPort(t *testing.T) {
	failure := errors.New("no such pod")
	var address string
	client := NewClient(func(_ context.Context, _, to string) (net.Conn, error) {
		address = to
		return nil, failure
	})
	if _, err := client.Nodes(deadline(t), Pod{Host: "my-network-sts-0.default", Password: "secret"}); !errors.Is(err, failure) || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	if address != "my-network-sts-0.default:18330" {
		t.Errorf("dialled %s", address)
	}
}
