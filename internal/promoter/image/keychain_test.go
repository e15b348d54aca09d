package image

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// dockerLogin writes docker's configuration with a login for one registry.
func dockerLogin(t *testing.T, host string) {
	t.Helper()
	dir := t.TempDir()
	// user:own-secret
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"auths":{"`+host+`":{"auth":"dXNlcjpvd24tc2VjcmV0"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
}

func TestEachRegistryGetsItsOwnCredentialAndNoOther(t *testing.T) {
	dockerLogin(t, "quay.io")
	const mine, theirs, nobody = "env-secret", "own-secret", ""
	for name, c := range map[string]struct {
		pushes []string
		host   string // CHART_PROMOTER_REGISTRY
		asked  string
		want   string
		err    bool
	}{
		"the registry that is pushed to":           {[]string{"ghcr.io/team/app"}, "", "ghcr.io/team/app", mine, false},
		"images and charts in one registry":        {[]string{"ghcr.io/team/app", "oci://ghcr.io/team/charts"}, "", "ghcr.io/other/app", mine, false},
		"an image of another registry":             {[]string{"ghcr.io/team/app"}, "", "registry.example.com/tools/probe", nobody, false},
		"one that docker is logged in to":          {[]string{"ghcr.io/team/app"}, "", "quay.io/tools/probe", theirs, false},
		"Docker Hub, by another of its names":      {[]string{"team/app"}, "docker.io", "docker.io/team/app", mine, false},
		"a port is another registry":               {[]string{"localhost:5000/app"}, "", "localhost:5001/app", nobody, false},
		"a host that only begins alike":            {[]string{"ghcr.io/team/app"}, "", "ghcr.io.example.com/team/app", nobody, false},
		"nothing is pushed":                        {nil, "", "ghcr.io/team/app", nobody, false},
		"nothing is pushed, and the host is named": {nil, "ghcr.io", "ghcr.io/team/app", mine, false},
		"a host that is named as an address":       {nil, "https://ghcr.io/team", "ghcr.io/team/app", mine, false},
		"two registries":                           {[]string{"ghcr.io/team/app", "oci://quay.io/charts"}, "", "ghcr.io/team/app", "", true},
		"two registries, and a third one":          {[]string{"ghcr.io/team/app", "oci://quay.io/charts"}, "", "registry.example.com/x", nobody, false},
		"two registries, the first is named":       {[]string{"ghcr.io/team/app", "oci://quay.io/charts"}, "ghcr.io", "ghcr.io/team/app", mine, false},
		"two registries, the second has docker's":  {[]string{"ghcr.io/team/app", "oci://quay.io/charts"}, "ghcr.io", "quay.io/charts/app", theirs, false},
		"a registry that the host does not name":   {[]string{"ghcr.io/team/app"}, "example.com", "ghcr.io/team/app", nobody, false},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"CHART_PROMOTER_REGISTRY_USER": "me", "CHART_PROMOTER_REGISTRY_PASSWORD": mine, "CHART_PROMOTER_REGISTRY": c.host}
			got, err := password(t, Keychain{Env: func(k string) string { return env[k] }, Pushes: c.pushes}, c.asked)
			if c.err {
				if !errors.Is(err, ErrRegistryAuth) || !strings.Contains(err.Error(), "CHART_PROMOTER_REGISTRY to") || strings.Contains(err.Error(), mine) {
					t.Errorf("%q, %v; want an error that names the variable", got, err)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("%s gets %q, %v; want %q", c.asked, got, err, c.want)
			}
		})
	}
}

// password is the password that a registry gets.
func password(t *testing.T, k Keychain, repository string) (string, error) {
	t.Helper()
	r, err := name.NewRepository(repository)
	if err != nil {
		t.Fatal(err)
	}
	a, err := k.Resolve(r)
	if err != nil {
		return "", err
	}
	c, err := authn.Authorization(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return c.Password, nil
}
