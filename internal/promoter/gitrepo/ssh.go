package gitrepo

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// sshCommand is the environment variable that makes ssh ask no question and detect a silent server. It is nil where the user's program
// may not know the options: one of the environment, or core.sshCommand or ssh.variant of git's configuration name another than ssh.
func (r *Repo) sshCommand(ctx context.Context, env []string, c call) []string {
	if !c.network || filepath.IsAbs(c.remote) || strings.HasPrefix(c.remote, "file://") {
		return nil
	}
	for _, key := range []string{"GIT_SSH_COMMAND", "GIT_SSH_VARIANT"} {
		if hasKey(env, key) {
			return nil
		}
	}
	command, variant := "", ""
	found, err := r.git(ctx, "config", "-z", "--get-regexp", `^(core\.sshcommand|ssh\.variant)$`) // fails if neither is set
	if err == nil {
		for _, setting := range strings.Split(found, "\x00") {
			switch key, value, _ := strings.Cut(setting, "\n"); key {
			case "core.sshcommand":
				command = value
			case "ssh.variant":
				variant = value
			}
		}
	}
	if command == "" {
		if hasKey(env, "GIT_SSH") { // it ranks below core.sshCommand
			return nil
		}
		command = "ssh"
	}
	if variant != "" && variant != "auto" && variant != "ssh" || !isSSH(command) {
		return nil
	}
	return []string{"GIT_SSH_COMMAND=" + command + sshOptions(r.opts.timeout())}
}

// isSSH reports whether a command of the shell is ssh with arguments, to which more can be added.
func isSSH(command string) bool {
	words := strings.Fields(command)
	return len(words) > 0 && filepath.Base(strings.Trim(words[0], `"'`)) == "ssh" && !strings.ContainsAny(command, "|&;<>()`#\n")
}

// sshOptions come last: of several values for an option, ssh takes the first.
func sshOptions(timeout time.Duration) string {
	limit := int(timeout.Seconds())
	return fmt.Sprintf(" -o BatchMode=yes -o ConnectTimeout=%d -o ServerAliveInterval=%d -o ServerAliveCountMax=4", limit, max(limit/4, 1))
}
