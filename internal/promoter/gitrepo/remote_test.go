package gitrepo

import "testing"

func TestTheAddressOfAHostedRepositoryIsReadInAnyForm(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://github.com/o/n.git":                     "github.com o/n",
		"https://github.com/o/n":                         "github.com o/n",
		"https://token@github.com/o/n/":                  "github.com o/n",
		"https://user:pass@git.example.com:8443/o/n.git": "git.example.com o/n",
		"ssh://git@gitlab.com:22/group/sub/n.git":        "gitlab.com group/sub/n",
		"git@github.com:o/n.git":                         "github.com o/n",
		"github.com:o/n":                                 "github.com o/n",
		"/srv/git/n.git":                                 "",
		"../n.git":                                       "",
		"./a:b/c":                                        "",
		"file:///srv/git/n.git":                          "",
		"https://github.com/n":                           "",
		"https://%zz/":                                   "",
		"":                                               "",
	} {
		r, ok := ParseRemote(address)
		if got := r.Host + " " + r.Path; ok != (want != "") || ok && got != want {
			t.Errorf("%q is %q (%v), want %q", address, got, ok, want)
		}
	}
	if r, _ := ParseRemote("git@github.com:o/n.git"); r.HTTPS() != "https://github.com/o/n.git" {
		t.Errorf("its HTTPS address is %s", r.HTTPS())
	}
}
