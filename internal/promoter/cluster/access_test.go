package cluster

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

func kubeconfigOf(t *testing.T, server string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	write(t, file, "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: \""+server+"\"}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u}]\n", 0o600)
	return file
}

// chartOf is a package of these files.
func chartOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: "hello/" + name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func replyError(w http.ResponseWriter, err *apierrors.StatusError) {
	status := err.Status()
	status.Kind, status.APIVersion = "Status", "v1"
	reply(w, int(status.Code), status)
}

// servesOnce is a cluster that reports that it has no release, and then does something else.
func servesOnce(t *testing.T, then func(*httptest.Server, http.ResponseWriter)) *httptest.Server {
	t.Helper()
	var served atomic.Bool
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		switch {
		case served.Load():
			then(srv, w)
		case strings.HasSuffix(r.URL.Path, "/namespaces/ns/secrets"):
			served.Store(true)
			reply(w, http.StatusOK, map[string]any{"kind": "SecretList", "apiVersion": "v1", "items": []any{}})
			then(srv, nil)
		default:
			replyError(w, apierrors.NewNotFound(schema.GroupResource{}, r.URL.Path))
		}
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestAClusterThatStopsServingAnInstallationIsNoFailedTest(t *testing.T) {
	pkg := chartOf(t, map[string]string{
		"Chart.yaml": "apiVersion: v2\nname: hello\nversion: 1.0.0\n", "templates/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n",
	})
	for name, then := range map[string]func(*httptest.Server, http.ResponseWriter){
		"it goes away": func(srv *httptest.Server, w http.ResponseWriter) {
			srv.Listener.Close()
			if w != nil {
				panic(http.ErrAbortHandler)
			}
		},
		"its credentials expire": func(_ *httptest.Server, w http.ResponseWriter) {
			if w != nil {
				replyError(w, apierrors.NewUnauthorized("expired"))
			}
		},
	} {
		for _, major := range []helm.Major{helm.V3, helm.V4} {
			t.Run(fmt.Sprintf("%s, %s", name, major), func(t *testing.T) {
				h := Helm{Major: major, Kubeconfig: kubeconfigOf(t, servesOnce(t, then).URL)}
				err := testtools.InTime(t, time.Minute, func() error {
					_, err := h.Apply(t.Context(), pkg, Release{Name: "r", Namespace: "ns"})
					return err
				})
				if failure.Of(err) != failure.External || !errors.Is(err, ErrSilent) {
					t.Errorf("%s: %v", failure.Of(err), err)
				}
			})
		}
	}
}

func TestDefinitionsThatCannotBeUpgradedAreTheChartsFaultOnlyIfTheClusterRejectsThem(t *testing.T) {
	chrt := &helm.Chart{CRDs: []helm.File{{Name: "crds/a.yaml", Data: []byte("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: as.example.com}\n")}}}
	rejecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			replyError(w, apierrors.NewInvalid(schema.GroupKind{Kind: "CustomResourceDefinition"}, "as.example.com", nil))
			return
		}
		reply(w, http.StatusOK, map[string]any{"major": "1", "minor": "36"})
	}))
	defer rejecting.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for server, want := range map[string]failure.Kind{rejecting.URL: failure.TestFailed, gone.URL: failure.External} {
		if err := (Helm{Kubeconfig: kubeconfigOf(t, server)}).applyCRDs(t.Context(), chrt); failure.Of(err) != want {
			t.Errorf("%s, want %s: %v", failure.Of(err), want, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (Helm{Kubeconfig: kubeconfigOf(t, gone.URL)}).applyCRDs(ctx, chrt); failure.Of(err) != failure.External {
		t.Errorf("of a cancelled run: %v", err)
	}
}

func TestAccessIsDeniedWhereNoInstallationCanDoWithoutIt(t *testing.T) {
	forbidden := func(resource, name string) error {
		return fmt.Errorf("create: %w", apierrors.NewForbidden(schema.GroupResource{Resource: resource}, name, errors.New("no")))
	}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"no credentials":               {fmt.Errorf("x: %w", apierrors.NewUnauthorized("")), true},
		"the namespace, created":       {forbidden("namespaces", ""), true},
		"the namespace, applied":       {forbidden("namespaces", "ns"), true},
		"another namespace":            {forbidden("namespaces", "other"), false},
		"a Secret, created":            {forbidden("secrets", ""), true},
		"a revision, updated":          {forbidden("secrets", "sh.helm.release.v1.r.v1"), true},
		"a Secret of the chart":        {forbidden("secrets", "password"), false},
		"a role that grants too much":  {forbidden("clusterroles", "admin"), false},
		"a pod against the quota":      {forbidden("pods", "p"), false},
		"an object that is not valid":  {apierrors.NewBadRequest("x"), false},
		"an error of the chart's text": {errors.New("parse error"), false},
	} {
		if got := denied(c.err, Release{Name: "r", Namespace: "ns"}); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestOnlyARequestWithoutAnAnswerIsInterrupted(t *testing.T) {
	request := func(err error) error {
		return fmt.Errorf("wait: %w", &url.Error{Op: "Get", URL: "https://x", Err: err})
	}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"a connection that was closed": {request(io.ErrUnexpectedEOF), true},
		// Helm's wait for a chart that does not get ready can end in the middle of a request.
		"a timeout":           {request(context.DeadlineExceeded), false},
		"a cancelled request": {request(context.Canceled), false},
		"no request":          {context.DeadlineExceeded, false},
	} {
		if got := interrupted(c.err); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
