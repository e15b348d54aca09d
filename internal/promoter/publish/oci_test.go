package publish

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	helmregistry "helm.sh/helm/v3/pkg/registry"

	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

func TestMediaTypesAreHelms(t *testing.T) {
	t.Parallel()
	for ours, helms := range map[string]string{
		ociScheme: helmregistry.OCIScheme, configMediaType: helmregistry.ConfigMediaType,
		chartMediaType: helmregistry.ChartLayerMediaType, provenanceMediaType: helmregistry.ProvLayerMediaType,
	} {
		if ours != helms {
			t.Errorf("%s, and Helm has %s", ours, helms)
		}
	}
}

// pulled is what Helm reads of a chart in a registry: the package, its appVersion, and its provenance.
type pulled struct{ data, appVersion, provenance string }

// wantPulled publishes a version to a registry, and checks what a major of Helm reads there.
func wantPulled(t *testing.T, pull func(ref string) (pulled, error), tagsOf func(repository string) ([]string, error)) Config {
	t.Helper()
	cfg := kinds()["oci"](t)
	i := item(t, "1.0.0+build.5")
	i.Provenance = []byte("signed")
	publish(t, open(t, cfg), i)
	repository := strings.TrimPrefix(cfg.OCI, "oci://") + "/operator"
	want := pulled{string(i.Package.Bytes), "1.0.0+build.5", "signed"}
	if got, err := pull(repository + ":1.0.0+build.5"); err != nil || got != want {
		t.Errorf("pulled %d bytes, appVersion %s, provenance %q: %v", len(got.data), got.appVersion, got.provenance, err)
	}
	if tags, err := tagsOf(repository); err != nil || len(tags) != 1 || tags[0] != "1.0.0+build.5" {
		t.Errorf("the tags are %q, %v: attestations are not versions", tags, err)
	}
	return cfg
}

func TestHelmPullsWhatIsPublishedToARegistry(t *testing.T) {
	t.Parallel()
	client, err := helmregistry.NewClient(helmregistry.ClientOptPlainHTTP(), helmregistry.ClientOptWriter(&bytes.Buffer{}))
	if err != nil {
		t.Fatal(err)
	}
	cfg := wantPulled(t, func(ref string) (pulled, error) {
		got, err := client.Pull(ref, helmregistry.PullOptWithProv(true))
		if err != nil {
			return pulled{}, err
		}
		return pulled{string(got.Chart.Data), got.Chart.Meta.AppVersion, string(got.Prov.Data)}, nil
	}, client.Tags)
	if version, _, err := open(t, cfg).Latest(t.Context(), "operator"); version != "1.0.0+build.5" || err != nil {
		t.Errorf("latest %q, %v", version, err)
	}
}

func TestAChartThatHelmPushedIsFound(t *testing.T) {
	t.Parallel()
	cfg := kinds()["oci"](t)
	p := pkg(t, "2.0.0", "a")
	client, err := helmregistry.NewClient(helmregistry.ClientOptPlainHTTP(), helmregistry.ClientOptWriter(&bytes.Buffer{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Push(p.Bytes, strings.TrimPrefix(cfg.OCI, "oci://")+"/operator:2.0.0"); err != nil {
		t.Fatal(err)
	}
	digest, found, err := open(t, cfg).Lookup(t.Context(), "operator", "2.0.0")
	if err != nil || !found || digest != p.Digest {
		t.Errorf("%s %t %v", digest, found, err)
	}
	if r := publish(t, open(t, cfg), item(t, "2.0.0")); !r.Changed { // its attestation is new
		t.Errorf("%+v", r)
	}
}

func TestARegistryThatWantsCredentials(t *testing.T) {
	t.Parallel()
	inner := registry.New(registry.Logger(quiet()))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("robot:secret")) {
			w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	cfg := Config{OCI: strings.TrimPrefix(s.URL, "http://") + "/charts"}
	env := func(password string) Option {
		return Env(func(k string) string {
			return map[string]string{"CHART_PROMOTER_REGISTRY_USER": "robot", "CHART_PROMOTER_REGISTRY_PASSWORD": password}[k]
		})
	}
	wrong, _ := Open(cfg, env("wrong"))
	if _, err := wrong.Publish(t.Context(), item(t, "1.0.0")); !errors.Is(err, ErrAuth) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("wrong credentials: %v", err)
	}
	right, _ := Open(cfg, env("secret"))
	publish(t, right, item(t, "1.0.0"))
}

func TestARegistryThatAcceptsAndNeverAnswersTimesOut(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	target, err := Open(Config{OCI: l.Addr().String() + "/charts"}, Transport(image.NewTransport(200*time.Millisecond)))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := target.Lookup(t.Context(), "operator", "1.0.0"); !errors.Is(err, ErrUnusable) {
		t.Errorf("got %v", err)
	}
}

func TestARegistryThatStopsInTheMiddleIsGivenUp(t *testing.T) {
	t.Parallel()
	inner := registry.New(registry.Logger(quiet()))
	whole, stopping := httptest.NewServer(inner), httptest.NewServer(testtools.StopInBlobs(inner, 0))
	t.Cleanup(whole.Close)
	t.Cleanup(stopping.Close)
	publish(t, open(t, Config{OCI: strings.TrimPrefix(whole.URL, "http://") + "/charts"}), item(t, "1.0.0"))
	target, err := Open(Config{OCI: strings.TrimPrefix(stopping.URL, "http://") + "/charts"}, Transport(image.NewTransport(300*time.Millisecond)))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := target.Latest(t.Context(), "operator")
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), "neither sent nor accepted data for 300ms") {
			t.Errorf("got %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the latest package: no end within a minute")
	}
}

func TestACatalogueWithoutEndIsGivenUp(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "<"+r.URL.Path+`?last=a>; rel="next"`)
		_, _ = io.WriteString(w, `{"repositories":["a"]}`)
	}))
	t.Cleanup(s.Close)
	_, err := open(t, Config{OCI: strings.TrimPrefix(s.URL, "http://") + "/charts"}).List(t.Context())
	if !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), "pages") {
		t.Errorf("got %v", err)
	}
}

// Some registries create no repositories by themselves. Amazon's answers like this until the repository is created.
func TestARegistryWithoutTheRepositoryReportsThatItMustBeCreated(t *testing.T) {
	t.Parallel()
	inner := registry.New(registry.Logger(quiet()))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost || r.Method == http.MethodPut {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"errors":[{"code":"NAME_UNKNOWN","message":"The repository does not exist"}]}`))
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	cfg := Config{OCI: strings.TrimPrefix(s.URL, "http://") + "/charts"}
	bare := item(t, "1.0.0")
	bare.Attestations = nil
	for name, i := range map[string]Item{"with an attestation": item(t, "1.0.0"), "the package alone": bare} {
		_, err := open(t, cfg).Publish(t.Context(), i)
		if !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), "has no repository") || !strings.Contains(err.Error(), "charts/operator") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
