package ci

import "testing"

func TestEachGitHostGetsItsOwnCredentialsAndNoOthers(t *testing.T) {
	t.Parallel()
	general := map[string]string{GitToken: "general"}
	both := []string{"github.com", "git.example.com:8443", ""}
	for name, c := range map[string]struct {
		env   map[string]string
		own   string
		hosts []string
		want  map[string]string // host: password
	}{
		"a token for the only host":               {general, "", []string{"github.com", "GitHub.com", ""}, map[string]string{"github.com": "general", "evil.example": ""}},
		"a token for one of two hosts":            {general, "", both, map[string]string{"github.com": "", "git.example.com:8443": "", "evil.example": ""}},
		"a token for the host of the command":     {general, "github.com", both, map[string]string{"github.com": "general", "git.example.com:8443": ""}},
		"a token with its host":                   {map[string]string{GitToken: "general", GitHost: "git.example.com:8443"}, "github.com", both, map[string]string{"github.com": "", "git.example.com:8443": "general"}},
		"a token without a repository over HTTPS": {general, "", nil, map[string]string{"github.com": "general"}},
		"one variable for each host": {
			map[string]string{GitToken: "general", GitToken + "_GITHUB_COM": "hub", GitToken + "_GIT_EXAMPLE_COM_8443": "own"}, "", both,
			map[string]string{"github.com": "hub", "git.example.com:8443": "own", "evil.example": ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := GitAccess{Env: func(k string) string { return c.env[k] }, Own: c.own, Hosts: c.hosts}
			for host, want := range c.want {
				if got := a.For(host); got.Password != want || (got.Username == "") != (want == "") {
					t.Errorf("%s gets %q of %q, want %q", host, got.Password, got.Username, want)
				}
			}
		})
	}
}

func TestATokenForSeveralHostsIsAmbiguous(t *testing.T) {
	t.Parallel()
	hosts := []string{"b.example", "a.example", "b.example"}
	for name, c := range map[string]struct {
		env  map[string]string
		want int
	}{
		"one token":                    {map[string]string{GitToken: "x"}, 2},
		"no token":                     {nil, 0},
		"its host is named":            {map[string]string{GitToken: "x", GitHost: "a.example"}, 0},
		"the other has one of its own": {map[string]string{GitToken: "x", GitToken + "_B_EXAMPLE": "y"}, 0},
		"a token of a third host":      {map[string]string{GitToken: "x", GitToken + "_C_EXAMPLE": "y"}, 2},
	} {
		a := GitAccess{Env: func(k string) string { return c.env[k] }, Hosts: hosts}
		if got := a.Ambiguous(); len(got) != c.want {
			t.Errorf("%s: %v, want %d hosts", name, got, c.want)
		}
	}
}

func TestTheVariablesOfAHostAreWithheldFromTests(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{GitToken: true, GitToken + "_GITHUB_COM": true, GitUser + "_GITHUB_COM": true, GitHost: false, Push: false, "PATH": false} {
		if IsWithheld(name) != want {
			t.Errorf("%s is withheld: %v", name, !want)
		}
	}
}
