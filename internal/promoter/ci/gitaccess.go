package ci

import (
	"slices"
	"strings"
)

// GitAccess finds the credentials of git hosts in the environment. Each host gets its own and no other's.
type GitAccess struct {
	Env func(string) string
	// Own is the host that the running command pushes to, with its port if it has one. Empty is the host of Hosts.
	Own string
	// Hosts are the hosts of all repositories that are pushed to. Without any and without Own, every host is offered GitToken.
	Hosts []string
}

// For returns the credentials for a host: those of its own variables (HostVariable), or else GitToken with GitUser if they are for
// this host. They are for GitHost; without that variable for the host that the command pushes to, or for the only host of all
// repositories. A token for one of several hosts that nothing names is offered to none.
func (a GitAccess) For(host string) GitCredentials {
	host = strings.ToLower(host)
	if token := a.Env(HostVariable(GitToken, host)); token != "" {
		return gitCredentials(a.Env(HostVariable(GitUser, host)), token)
	}
	if !a.isGeneral(host) {
		return GitCredentials{}
	}
	return GitCredentialsFrom(a.Env)
}

func (a GitAccess) isGeneral(host string) bool {
	named := a.Env(GitHost)
	if named == "" {
		named = a.Own
	}
	if named != "" {
		return strings.EqualFold(named, host)
	}
	hosts := a.distinct()
	return len(hosts) == 0 || len(hosts) == 1 && hosts[0] == host
}

// Ambiguous are the hosts for which one run would need GitToken, in order; none where each host has its own variable or is the only
// one.
func (a GitAccess) Ambiguous() []string {
	if a.Env(GitToken) == "" || a.Env(GitHost) != "" {
		return nil
	}
	hosts := slices.DeleteFunc(a.distinct(), func(h string) bool { return a.Env(HostVariable(GitToken, h)) != "" })
	if len(hosts) < 2 {
		return nil
	}
	return hosts
}

func (a GitAccess) distinct() (hosts []string) {
	for _, h := range a.Hosts {
		if h = strings.ToLower(h); h != "" && !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	slices.Sort(hosts)
	return hosts
}

// HostVariable is the name of a variable for one git host: GitToken for git.example.com has the suffix _GIT_EXAMPLE_COM.
func HostVariable(name, host string) string {
	return name + "_" + strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(host))
}

func gitCredentials(user, token string) GitCredentials {
	if user == "" {
		user = TokenUser
	}
	return GitCredentials{Username: user, Password: token}
}
