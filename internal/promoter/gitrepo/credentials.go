package gitrepo

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
)

// credentialSettings pass the credentials to git for one server only: the configuration refers to two variables of the
// environment, so neither an argument nor a file ever contains the secret.
func credentialSettings(c ci.GitCredentials, remote string) (config [][2]string, env []string) {
	if c == (ci.GitCredentials{}) {
		return nil, nil
	}
	u, err := url.Parse(remote)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, nil
	}
	key := "credential." + u.Scheme + "://" + u.Host + ".helper"
	script := `!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$` + ci.GitUsername + `" "$` + ci.GitPassword + `"; }; f`
	// The empty entry removes the credential helpers of the user's configuration, which would otherwise store the secret.
	// A header that a CI engine left in the work tree's configuration, as actions/checkout does, would be sent before these
	// credentials and win over them; an empty value removes those of every less precise address.
	return [][2]string{{key, ""}, {key, script}, {"http." + remote + ".extraHeader", ""}},
		[]string{ci.GitUsername + "=" + c.Username, ci.GitPassword + "=" + c.Password}
}

// credentials are those for a remote; none for one that is not reached by HTTP(S).
func (o Options) credentials(remote string) ci.GitCredentials {
	host := Host(remote)
	if host == "" {
		return ci.GitCredentials{}
	}
	if o.Credentials == nil {
		return ci.GitAccess{Env: os.Getenv}.For(host)
	}
	return o.Credentials(host)
}

// withCredentials returns options with the credentials that were part of the address of a remote, for its host alone.
func (o Options) withCredentials(remote string, cred ci.GitCredentials) Options {
	if cred == (ci.GitCredentials{}) {
		return o
	}
	own, others := Host(remote), o
	o.Credentials = func(host string) ci.GitCredentials {
		if host == own {
			return cred
		}
		return others.credentials("https://" + host)
	}
	return o
}

// For are options for a clone of this address that is opened again: they have the credentials that are part of the address.
func (o Options) For(address string) Options {
	clean, cred, err := splitURL(address)
	if err != nil {
		return o
	}
	return o.withCredentials(clean, cred)
}

// Host is the host of an HTTP(S) address, with its port if it has one; empty for other addresses.
func Host(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return strings.ToLower(u.Host)
}

// tokenVariables names, for an error, the variables of the credentials for a remote.
func tokenVariables(remote string) string {
	host := Host(remote)
	if host == "" {
		return ""
	}
	return fmt.Sprintf(" (%s, or %s for this host alone)", ci.GitToken, ci.HostVariable(ci.GitToken, host))
}

// splitURL removes user and password from an HTTP(S) URL; other kinds of address stay unchanged.
func splitURL(raw string) (string, ci.GitCredentials, error) {
	if !strings.HasPrefix(raw, "http://") && !strings.HasPrefix(raw, "https://") {
		return raw, ci.GitCredentials{}, nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		// url.Error repeats the whole address, password included.
		return "", ci.GitCredentials{}, fmt.Errorf("the repository's address is not a valid URL (%s); percent-encode the special characters in its password (%%2F for a slash): %w", redact(raw), ErrUnreachable)
	}
	// The part after a slash in a password would be parsed as the path, and the part before it as the server.
	if strings.Contains(u.EscapedPath()+u.RawQuery+u.EscapedFragment(), "@") {
		return "", ci.GitCredentials{}, fmt.Errorf("the repository's address (%s) has an @ after its server; percent-encode the password (%%2F for a slash), or the @ of a path (%%40): %w", redact(raw), ErrUnreachable)
	}
	if u.User == nil {
		return raw, ci.GitCredentials{}, nil
	}
	c := ci.GitCredentials{Username: u.User.Username()}
	var ok bool
	if c.Password, ok = u.User.Password(); !ok {
		// Tokens are usually written as https://TOKEN@host.
		c.Username, c.Password = ci.TokenUser, c.Username
	}
	u.User = nil
	return u.String(), c, nil
}

// SplitUser splits an address such as https://me:secret@host/path into https://, me:secret and host/path. All before the
// last @ belongs to the user: with a slash in a password that is not percent-encoded, its rest must not be printed as a path.
func SplitUser(address string) (scheme, user, rest string) {
	i := strings.Index(address, "://")
	if i < 0 {
		return "", "", address
	}
	scheme, rest = address[:i+3], address[i+3:]
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		user, rest = rest[:at], rest[at+1:]
	}
	return scheme, user, rest
}

// redact returns an address for messages, without user and password.
func redact(raw string) string {
	scheme, user, rest := SplitUser(raw)
	if user == "" || scheme == "ssh://" && !strings.Contains(user, ":") {
		return raw
	}
	return scheme + "***@" + rest
}

// hide removes the secret from a command's output.
func hide(s string, c ci.GitCredentials) string {
	for _, secret := range []string{c.Password, url.QueryEscape(c.Password), url.PathEscape(c.Password)} {
		if len(secret) >= 4 {
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	return s
}
