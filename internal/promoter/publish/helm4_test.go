package publish

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/cli"
	helmregistry "helm.sh/helm/v4/pkg/registry"
	"helm.sh/helm/v4/pkg/repo/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
)

// What the other tests read with Helm 3 is also read by Helm 4.
func TestHelm4InstallsFromTheRepository(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(s.Close)
	for _, v := range []string{"1.0.0", "1.0.1-dev.3.gabcdef0", "0.9.0"} {
		publish(t, open(t, Config{Directory: dir}), item(t, v))
	}
	index, err := repo.LoadIndexFile(filepath.Join(dir, indexFile))
	if err != nil || len(index.Entries["operator"]) != 3 {
		t.Fatalf("Helm 4 reads %+v, %v", index, err)
	}
	for version, want := range map[string]string{"": "1.0.0", ">0.0.0-0": "1.0.1-dev.3.gabcdef0", "0.9.0": "0.9.0"} {
		cache := t.TempDir()
		settings := &cli.EnvSettings{RepositoryCache: cache, ContentCache: cache, RepositoryConfig: cache + "/repositories.yaml"}
		locate := action.ChartPathOptions{RepoURL: s.URL, Version: version}
		path, err := locate.LocateChart("operator", settings)
		if err != nil {
			t.Fatalf("version %q: %v", version, err)
		}
		archive, err := os.ReadFile(path)
		if err != nil || chart.Digest(archive) != item(t, want).Package.Digest {
			t.Errorf("with the version %q Helm 4 installs %s, want %s (%v)", version, filepath.Base(path), want, err)
		}
	}
}

func TestHelm4PullsWhatIsPublishedToARegistry(t *testing.T) {
	t.Parallel()
	client, err := helmregistry.NewClient(helmregistry.ClientOptPlainHTTP(), helmregistry.ClientOptWriter(&bytes.Buffer{}))
	if err != nil {
		t.Fatal(err)
	}
	wantPulled(t, func(ref string) (pulled, error) {
		got, err := client.Pull(ref, helmregistry.PullOptWithProv(true))
		if err != nil {
			return pulled{}, err
		}
		return pulled{string(got.Chart.Data), got.Chart.Meta.AppVersion, string(got.Prov.Data)}, nil
	}, client.Tags)
	for ours, helms := range map[string]string{
		ociScheme: helmregistry.OCIScheme, configMediaType: helmregistry.ConfigMediaType,
		chartMediaType: helmregistry.ChartLayerMediaType, provenanceMediaType: helmregistry.ProvLayerMediaType,
	} {
		if ours != helms {
			t.Errorf("%s, and Helm 4 has %s", ours, helms)
		}
	}
}
