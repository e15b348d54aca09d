package image

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
)

// Keychain gives each registry its own credential: the one in the environment to the registry that it is for, and that of
// docker's configuration to every other one. It is the only place that reads either.
type Keychain struct {
	// Env is where ci.RegistryUser, ci.RegistryPassword and ci.RegistryHost are read, default os.Getenv.
	Env func(string) string
	// Pushes are the repositories that a configuration pushes to. Without ci.RegistryHost, the credential in the environment is for
	// their registry if they have only one.
	Pushes []string
}

// Resolve returns the credential of a registry. Error: ErrRegistryAuth if it is unknown which of several registries the credential in
// the environment is for.
func (k Keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	env := k.Env
	if env == nil {
		env = os.Getenv
	}
	c := ci.RegistryCredentialsFrom(env)
	if c == (ci.RegistryCredentials{}) {
		return authn.DefaultKeychain.Resolve(r)
	}
	hosts := k.hosts()
	if c.Host != "" {
		hosts = []string{registryHost(c.Host)}
	}
	switch asked := r.RegistryStr(); {
	case !slices.Contains(hosts, asked):
		return authn.DefaultKeychain.Resolve(r)
	case len(hosts) > 1:
		return nil, fmt.Errorf("%w: %s could be for %s; set %s to the one that it is for, and log in to the others with docker login", ErrRegistryAuth,
			ci.RegistryPassword, strings.Join(hosts, " or "), ci.RegistryHost)
	}
	return &authn.Basic{Username: c.Username, Password: c.Password}, nil
}

// hosts are the registries that are pushed to, each once.
func (k Keychain) hosts() []string {
	var hosts []string
	for _, p := range k.Pushes {
		if r, err := name.NewRepository(strings.TrimPrefix(p, "oci://")); err == nil {
			hosts = append(hosts, r.RegistryStr())
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// registryHost is the name under which the library requests a registry's credential, whichever of its names is given: docker.io has two.
func registryHost(host string) string {
	_, after, found := strings.Cut(host, "://")
	if found {
		host = after
	}
	host, _, _ = strings.Cut(host, "/")
	if r, err := name.NewRegistry(host); err == nil {
		return r.RegistryStr()
	}
	return host
}
