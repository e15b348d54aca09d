package testrun

import (
	"net/url"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// Secrets are what the tests of a commit must not see.
type Secrets struct {
	// Variables are names of variables.
	Variables []string
	// Values are withheld with each variable that contains one of them.
	Values []string
}

// SecretsOf are the secrets of the release tool itself and those that a configuration names.
func SecretsOf(c *config.Config) Secrets {
	s := Secrets{Variables: ci.Withheld()}
	s.addPassword(c.Source.Git)
	for _, r := range c.Dependencies.Repositories {
		s.addVariables(r.Password.Env)
	}
	for _, stage := range c.Stages {
		s.addVariables(stage.Key.Env)
		if stage.Verify != nil {
			s.addVariables(stage.Verify.Cluster.Kubeconfig.Env)
		}
		if stage.Candidate != nil {
			s.addPassword(stage.Candidate.Git)
		}
		if stage.Publish != nil {
			s.addPassword(stage.Publish.Git)
			if pgp := stage.Publish.PGP; pgp != nil {
				s.addVariables(pgp.Key.Env, pgp.Passphrase.Env)
			}
		}
	}
	return s
}

func (s *Secrets) addVariables(names ...string) {
	for _, name := range names {
		if name != "" {
			s.Variables = append(s.Variables, name)
		}
	}
}

// addPassword adds the password or token within an address, which a variable put there.
func (s *Secrets) addPassword(address string) {
	scheme, user, _ := gitrepo.SplitUser(address)
	if scheme == "ssh://" {
		return
	}
	secret := user // https://TOKEN@host
	if _, p, ok := strings.Cut(user, ":"); ok {
		secret = p
	}
	if len(secret) < 4 {
		return
	}
	s.Values = append(s.Values, secret)
	// The variable contains it escaped, as the address needs it; another variable may contain it unescaped.
	if plain, err := url.PathUnescape(secret); err == nil && plain != secret {
		s.Values = append(s.Values, plain)
	}
}

// Withhold returns an environment without the secrets.
func (s Secrets) Withhold(env []string) []string {
	// With git's variables of a hook the tests' own git commands would work on the wrong repository.
	names := append([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "PWD"}, s.Variables...)
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, value, _ := strings.Cut(kv, "=")
		return slices.Contains(names, name) || ci.IsWithheld(name) || slices.ContainsFunc(s.Values, func(v string) bool { return strings.Contains(value, v) })
	})
}
