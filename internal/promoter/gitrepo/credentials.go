package gitrepo

import (
	"fmt"
	"net/url"
	"strings"
)

// Credentials for HTTP(S) remotes. Printing them shows nothing.
type Credentials struct{ Username, Password string }

// String keeps a password out of every log.
func (c Credentials) String() string {
	if c == (Credentials{}) {
		return "no credentials"
	}
	return "credentials (hidden)"
}

// GoString is String: %#v must not show a password either.
func (c Credentials) GoString() string { return c.String() }

// CredentialsFromEnv reads CHART_PROMOTER_GIT_USER (default x-access-token, which GitHub and GitLab take beside any
// token) and CHART_PROMOTER_GIT_TOKEN. Without the token the result is empty and git's own configuration counts.
func CredentialsFromEnv(env func(string) string) Credentials {
	c := Credentials{Username: env("CHART_PROMOTER_GIT_USER"), Password: env("CHART_PROMOTER_GIT_TOKEN")}
	if c.Password == "" {
		return Credentials{}
	}
	if c.Username == "" {
		c.Username = "x-access-token"
	}
	return c
}

// settings hand the credentials to git for one server only: its configuration names two variables of the
// environment, so neither an argument nor a file ever holds the secret.
func (c Credentials) settings(remote string) (config [][2]string, env []string) {
	if c == (Credentials{}) {
		return nil, nil
	}
	u, err := url.Parse(remote)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, nil
	}
	key := "credential." + u.Scheme + "://" + u.Host + ".helper"
	helper := `!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$CHART_PROMOTER_USERNAME" "$CHART_PROMOTER_PASSWORD"; }; f`
	// The empty helper first takes those of the user's configuration out, which would otherwise be asked to store it.
	return [][2]string{{key, ""}, {key, helper}},
		[]string{"CHART_PROMOTER_USERNAME=" + c.Username, "CHART_PROMOTER_PASSWORD=" + c.Password}
}

// splitURL takes user and password out of an HTTP(S) URL; other kinds of address stay as they are.
func splitURL(raw string) (string, Credentials, error) {
	if !strings.HasPrefix(raw, "http://") && !strings.HasPrefix(raw, "https://") {
		return raw, Credentials{}, nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		// url.Error repeats the whole address, password included.
		return "", Credentials{}, fmt.Errorf("the repository's address is not a valid URL (%s), percent-encode what is special in its password (%%2F for a slash): %w", redact(raw), ErrUnreachable)
	}
	// What follows a slash in a password would be taken for the path, and what stands before it for the server.
	if strings.Contains(u.EscapedPath()+u.RawQuery+u.EscapedFragment(), "@") {
		return "", Credentials{}, fmt.Errorf("the repository's address (%s) has an @ behind its server, percent-encode the password (%%2F for a slash), or the @ of a path (%%40): %w", redact(raw), ErrUnreachable)
	}
	if u.User == nil {
		return raw, Credentials{}, nil
	}
	c := Credentials{Username: u.User.Username()}
	var ok bool
	if c.Password, ok = u.User.Password(); !ok {
		// https://TOKEN@host is how tokens are usually written.
		c.Username, c.Password = "x-access-token", c.Username
	}
	u.User = nil
	return u.String(), c, nil
}

// SplitUser cuts an address such as https://me:secret@host/path into https://, me:secret and host/path. All before the
// last @ is the user's: a slash in a password that is not percent-encoded must not have the rest of it printed as a path.
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

// redact is an address fit for a message.
func redact(raw string) string {
	scheme, user, rest := SplitUser(raw)
	if user == "" || scheme == "ssh://" && !strings.Contains(user, ":") {
		return raw
	}
	return scheme + "***@" + rest
}

// hide takes the secret out of a command's output.
func hide(s string, c Credentials) string {
	for _, secret := range []string{c.Password, url.QueryEscape(c.Password), url.PathEscape(c.Password)} {
		if len(secret) >= 4 {
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	return s
}
