package gitrepo

import (
	"context"
	"net/url"
	"strings"
)

// Remote is where a repository is hosted: Host without a port or a user, Path as OWNER/NAME.
type Remote struct{ Host, Path string }

// ParseRemote reads the address of a hosted repository, in any form that git takes: https, ssh, or git@host:path. It is
// false for a repository on this machine.
func ParseRemote(address string) (Remote, bool) {
	var r Remote
	if strings.Contains(address, "://") {
		u, err := url.Parse(address)
		if err != nil || u.Scheme == "file" {
			return r, false
		}
		r.Host, r.Path = u.Hostname(), u.Path
	} else {
		host, path, ok := strings.Cut(address, ":")
		if !ok || strings.Contains(host, "/") {
			return r, false
		}
		r.Host, r.Path = host[strings.LastIndex(host, "@")+1:], path
	}
	r.Path = strings.TrimSuffix(strings.Trim(r.Path, "/"), ".git")
	return r, r.Host != "" && strings.Contains(r.Path, "/")
}

// HTTPS is the address that everybody can fetch from, without any credentials in it.
func (r Remote) HTTPS() string { return "https://" + r.Host + "/" + r.Path + ".git" }

// Origin is the address of the remote called origin, as it is configured; empty when there is none.
func (r *Repo) Origin(ctx context.Context) string { return r.originURL(ctx) }

// Reachable requests the branches of a remote, with the credentials that a clone would use. A repository without any
// commit is reachable. Errors: ErrAuth, ErrUnreachable, ErrNoBranch.
func Reachable(ctx context.Context, url, branch string, o Options) error {
	clean, cred, err := splitURL(url)
	if err != nil {
		return err
	}
	o = o.withCredentials(clean, cred)
	_, _, err = (&Repo{opts: o}).remoteBranch(ctx, clean, CloneOptions{Branch: branch})
	return err
}
