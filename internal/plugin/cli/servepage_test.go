package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// accepts lets the fake API server know one token, whose owner may watch everything.
func (w *world) accepts(token string) {
	w.core.PrependReactor("create", "tokenreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenReview) //nolint:forcetypeassert // by the verb
		if review.Spec.Token == token {
			review.Status = authenticationv1.TokenReviewStatus{Authenticated: true, User: authenticationv1.UserInfo{Username: "ann"}, Audiences: review.Spec.Audiences}
		}
		return true, review, nil
	})
	w.core.PrependReactor("create", "subjectaccessreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &authorizationv1.SubjectAccessReview{Status: authorizationv1.SubjectAccessReviewStatus{Allowed: true}}, nil
	})
}

// pages serves the page until the returned function, and returns its address and that of its health.
func (w *world) pages(args ...string) (address, health string, end func() int) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	code := make(chan int, 1)
	go func() {
		code <- w.runContext(ctx, append([]string{"serve-page", "--bind-address=127.0.0.1:0", "--health-bind-address=127.0.0.1:0"}, args...)...)
	}()
	testtools.Eventually(w.T, "the addresses", 30*time.Second, func() error {
		found := regexp.MustCompile(`served on (\S+), and /healthz on (\S+)\.`).FindStringSubmatch(w.running.String())
		if found == nil {
			return fmt.Errorf("it printed %q", w.running.String())
		}
		address, health = "https://"+found[1], "http://"+found[2]
		return nil
	})
	return address, health, func() int { cancel(); return <-code }
}

func TestThePageOfAClusterIsServedOverTLSUntilItIsInterrupted(t *testing.T) {
	w := newWorld(t, three())
	w.accepts("a-token")
	address, health, end := w.pages()
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // the certificate is the program's own
	defer client.CloseIdleConnections()
	get := func(address, token string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() }) //nolint:errcheck // it was only read
		return response
	}
	if response := get(address+"/", ""); response.StatusCode != http.StatusOK || response.ProtoMajor != 2 || !strings.HasPrefix(response.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("the page: %d %s %v", response.StatusCode, response.Proto, response.Header)
	}
	if response := get(health+"/healthz", ""); response.StatusCode != http.StatusOK {
		t.Errorf("/healthz: %d", response.StatusCode)
	}
	if response := get(address+"/api/stream?namespace=ns", "another"); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("another token: %d", response.StatusCode)
	}
	stream := get(address+"/api/stream?namespace=ns", "a-token")
	first := make([]byte, 64<<10)
	if n, err := stream.Body.Read(first); err != nil || stream.StatusCode != http.StatusOK || !bytes.Contains(first[:n], []byte("data: ")) {
		t.Fatalf("the stream: %d %s (%v)", stream.StatusCode, first[:n], err)
	}
	if code := end(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	if !strings.Contains(w.err.String(), "ann watches namespace ns") {
		t.Errorf("the log is %q", w.err.String())
	}
	if _, err := io.Copy(io.Discard, stream.Body); err != nil && !strings.Contains(err.Error(), "EOF") && !strings.Contains(err.Error(), "closed") && !strings.Contains(err.Error(), "GOAWAY") {
		t.Logf("the stream ended with %v", err)
	}
}

// The account needs no right to what it does not read.
func TestThePageRequestsLightningNetworksOnlyWithThatFlag(t *testing.T) {
	for arg, want := range map[string]bool{"--lightning=false": false, "--lightning=true": true} {
		w := newWorld(t, three())
		w.networks.Resources = []*metav1.APIResourceList{{GroupVersion: v1.SchemeGroupVersion.String(), APIResources: []metav1.APIResource{{Name: "lightningnetworks"}}}}
		w.accepts("a-token")
		address, _, end := w.pages(arg)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // the certificate is the program's own
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/api/stream?namespace=ns", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer a-token")
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := response.Body.Read(make([]byte, 1)); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("the stream: %d (%v)", response.StatusCode, err)
		}
		if got := slices.ContainsFunc(w.networks.Actions(), func(a clienttesting.Action) bool { return a.GetResource().Resource == "lightningnetworks" }); got != want {
			t.Errorf("with %s the page requests Lightning networks: %t", arg, got)
		}
		response.Body.Close() //nolint:errcheck // it was only read
		client.CloseIdleConnections()
		end()
	}
}

// What the chart writes into the arguments, and that it leaves no flag out.
func TestTheChartSetsTheFlagsOfServePage(t *testing.T) {
	text, err := os.ReadFile("../../../test/chart/testdata/golden/the-page-of-some-namespaces.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var args []string
	for _, document := range strings.Split(string(text), "\n---\n") {
		var object appsv1.Deployment
		if err := yaml.Unmarshal([]byte(document), &object); err == nil && object.Kind == "Deployment" && strings.HasSuffix(object.Name, "-page") {
			args = object.Spec.Template.Spec.Containers[0].Args
		}
	}
	s := &session{}
	command, rest, err := rootCommand(s).Find(args)
	if err != nil || command.Name() != "serve-page" {
		t.Fatalf("%q runs %s (%v)", args, command.Name(), err)
	}
	if err := command.ParseFlags(rest); err != nil || command.Flags().NArg() > 0 {
		t.Errorf("%q: %v, %q are no flags", args, err, command.Flags().Args())
	}
	command.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) {
		if flag.Name != "help" && !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--"+flag.Name+"=") }) {
			t.Errorf("the chart does not set --%s", flag.Name)
		}
	})
}
