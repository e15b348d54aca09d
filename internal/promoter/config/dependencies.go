package config

import (
	"fmt"
	"net/url"
	"slices"
)

// Dependencies describes where the charts come from that a chart depends on. What charts/ lacks is built from Chart.lock, or from the
// directory of the same commit that file:// names, and is part of the candidate.
type Dependencies struct {
	// Repositories that have a name or require a login; all others need no entry. Default: none.
	Repositories []DependencyRepository `yaml:"repositories"`
}

// DependencyRepository is a chart repository or a registry that has a name or requires a login.
type DependencyRepository struct {
	// URL of the repository, https://… or oci://…; the login is sent to it and to addresses below it. Required.
	URL string `yaml:"url"`
	// Name of the repository, which Chart.yaml may use as @name or alias:name. Default: none.
	Name string `yaml:"name"`
	// User of the login. Default: none.
	User string `yaml:"user"`
	// Password of the login, or a token. Default: no login; for a registry that of docker's configuration.
	Password Key `yaml:"password"`
}

func (d Dependencies) validate() error {
	for i, r := range d.Repositories {
		u, err := url.Parse(r.URL)
		switch {
		case err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "oci"}, u.Scheme):
			return fmt.Errorf("dependencies.repositories[%d] requires a url that starts with https:// or oci://", i)
		case u.User != nil:
			return fmt.Errorf("dependencies.repositories[%d]: the url contains a login; move it to user and password", i)
		case r.User != "" && r.Password == (Key{}):
			return fmt.Errorf("dependencies.repositories[%d]: user requires password; name its variable or its file", i)
		}
	}
	return nil
}
