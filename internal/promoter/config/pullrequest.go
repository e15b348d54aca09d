package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// PullRequest has changes of a git repository pushed to a branch of their own, with a pull request for them, in place of a push to the
// repository's branch. `pullRequest: {}` takes all defaults. The token for the repository's host needs the right to open pull requests.
// A merge commit, a squash and a rebase are all possible: what names a candidate's source is in a file below .chart-promoter, too.
type PullRequest struct {
	// Prefix of the names of the branches that are pushed. Default: chart-promoter/.
	Prefix string `yaml:"prefix"`
	// Forge is the kind of server whose API opens the pull request: github, gitlab, or none, where only the branch is pushed and the
	// address at which a user opens the pull request is printed, if it is known. Default: by the name of the repository's host.
	Forge string `yaml:"forge"`
	// API is the address of the server's API, such as https://git.example.com/api/v3. Default: that of github.com, or the usual one at
	// the repository's host.
	API string `yaml:"api"`
}

var (
	forges       = []string{"github", "gitlab", "none"}
	branchPrefix = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*[/-]$`)
)

// Forges are the values of PullRequest.Forge.
func Forges() []string { return slices.Clone(forges) }

// DefaultPrefix is that of the branches of pull requests.
const DefaultPrefix = "chart-promoter/"

func (p *PullRequest) validate() error {
	if p == nil {
		return nil
	}
	if p.Forge != "" && !slices.Contains(forges, p.Forge) {
		return fmt.Errorf("pullRequest.forge %q: use github, gitlab or none", p.Forge)
	}
	if p.Prefix != "" && (!branchPrefix.MatchString(p.Prefix) || strings.Contains(p.Prefix, "..")) {
		return fmt.Errorf("pullRequest.prefix %q: use letters, digits, dots and hyphens, with a slash or a hyphen at the end", p.Prefix)
	}
	if p.API == "" {
		return nil
	}
	// A token is sent there.
	u, err := url.Parse(p.API)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return fmt.Errorf("pullRequest.api: use an address with https and without a user")
	}
	return nil
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// BranchPrefix is Prefix with its default.
func (p *PullRequest) BranchPrefix() string {
	if p.Prefix == "" {
		return DefaultPrefix
	}
	return p.Prefix
}
