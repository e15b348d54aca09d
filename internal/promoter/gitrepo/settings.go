package gitrepo

import (
	"os"
	"strconv"
	"time"
)

// settings are those of git under which every command reads, writes and prints the same on every machine: they take precedence over the
// configuration of the user and of the repository. What names a user or a key, or leads to a remote, stays the user's.
func settings(verb string, timeout time.Duration) [][2]string {
	list := [][2]string{
		// Messages are kept to the byte; a line that starts with a comment character of the user's would be left out.
		{"commit.cleanup", "whitespace"}, {"core.commentChar", "#"}, {"i18n.commitEncoding", "UTF-8"}, {"i18n.logOutputEncoding", "UTF-8"},
		// Signatures are those that this program requests.
		{"commit.gpgSign", "false"}, {"tag.gpgSign", "false"}, {"push.gpgSign", "false"}, {"log.showSignature", "false"},
		// No programs but git itself.
		{"core.hooksPath", os.DevNull}, {"core.fsmonitor", "false"}, {"gc.auto", "0"}, {"maintenance.auto", "false"},
		// Output that is parsed. color.ui does not apply where the color of one command is set.
		{"core.quotePath", "false"}, {"core.abbrev", "auto"}, {"tag.sort", "refname"}, {"color.ui", "false"}, {"color.diff", "false"}, {"color.remote", "false"}, {"color.push", "false"}, {"color.advice", "false"},
		{"column.ui", "never"}, {"column.tag", "never"}, {"log.follow", "false"}, {"diff.relative", "false"}, {"advice.detachedHead", "false"},
		// Only what is named is fetched and pushed.
		{"push.followTags", "false"}, {"push.recurseSubmodules", "no"}, {"fetch.recurseSubmodules", "false"}, {"submodule.recurse", "false"}, {"fetch.prune", "false"},
		{"http.lowSpeedLimit", "1"}, {"http.lowSpeedTime", strconv.Itoa(int(timeout.Seconds()))}, // bytes in a second, seconds
	}
	// Files are written as they are in the commit, and commits have what is in the files. Whether a file of the user's own work tree has
	// changed depends on how it was checked out.
	if verb != "status" {
		list = append(list, [][2]string{{"core.autocrlf", "false"}, {"core.eol", "lf"}, {"core.safecrlf", "false"}, {"core.attributesFile", os.DevNull}}...)
	}
	return list
}
