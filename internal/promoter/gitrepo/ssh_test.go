package gitrepo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeSSH writes stand-ins for ssh into a directory, which log how they are called and run on this machine what the host would run.
func fakeSSH(t *testing.T, names ...string) (dir string, calls func() string) {
	t.Helper()
	dir = t.TempDir()
	log := filepath.Join(dir, "calls")
	for _, name := range names {
		// git asks a program that it does not know whether it has the option -G of OpenSSH.
		script := "#!/bin/sh\ncase \" $* \" in *\" -G \"*) exit 1 ;; esac\necho \"$0 $*\" >>" + log + "\nfor last; do :; done\nexec sh -c \"$last\"\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir, func() string {
		text, _ := os.ReadFile(log)
		_ = os.Remove(log)
		return strings.ReplaceAll(string(text), dir+"/", "")
	}
}

// Options of ours follow those of the user: ssh takes the first of several.
func TestTheUsersSSHProgramIsUsedAndSSHItselfNeverWaits(t *testing.T) {
	const safe = "-o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=5 -o ServerAliveCountMax=4 "
	url := remoteWith(t, map[string]string{"a": "1"})
	dir, calls := fakeSSH(t, "ssh", "wrapper")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	ssh, wrapper := filepath.Join(dir, "ssh"), filepath.Join(dir, "wrapper")
	for name, c := range map[string]struct {
		env    map[string]string
		config string
		begins string
		safe   bool
	}{
		"no setting":                      {nil, "", "ssh -o BatchMode", true},
		"core.sshCommand":                 {nil, "[core]\nsshCommand = " + ssh + " -i key\n", "ssh -i key ", true},
		"core.sshCommand in quotes":       {nil, "[core]\nsshCommand = '" + ssh + "' -i key\n", "ssh -i key ", true},
		"another program":                 {nil, "[core]\nsshCommand = " + wrapper + " -x\n", "wrapper -x host.invalid ", false},
		"a function of the shell":         {nil, "[core]\nsshCommand = \"f() { " + ssh + " -i key \\\"$@\\\"; }; f\"\n", "ssh -i key ", false},
		"a redirection":                   {nil, "[core]\nsshCommand = ssh -i key 2>/dev/null\n", "ssh -i key ", false},
		"a variant":                       {nil, "[core]\nsshCommand = " + ssh + " -i key\n[ssh]\nvariant = simple\n", "ssh -i key host.invalid ", false},
		"GIT_SSH":                         {map[string]string{"GIT_SSH": wrapper}, "", "wrapper host.invalid ", false},
		"GIT_SSH under core.sshCommand":   {map[string]string{"GIT_SSH": wrapper}, "[core]\nsshCommand = ssh -i key\n", "ssh -i key ", true},
		"GIT_SSH_COMMAND":                 {map[string]string{"GIT_SSH_COMMAND": "ssh -i own"}, "[core]\nsshCommand = ssh -i other\n", "ssh -i own ", false},
		"a setting of the environment":    {map[string]string{"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.sshCommand", "GIT_CONFIG_VALUE_0": "ssh -i ci"}, "", "ssh -i ci ", true},
		"the last of several in the file": {nil, "[core]\nsshCommand = " + wrapper + "\nsshCommand = ssh -i key\n", "ssh -i key ", true},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			global := filepath.Join(t.TempDir(), "gitconfig")
			write(t, global, c.config)
			t.Setenv("GIT_CONFIG_GLOBAL", global)
			r := clone(t, "host.invalid:"+url, CloneOptions{Options: Options{Timeout: 20 * time.Second}})
			if got, err := os.ReadFile(r.Dir + "/a"); err != nil || string(got) != "1" {
				t.Errorf("the clone has %q, %v", got, err)
			}
			got := calls()
			lines := strings.Split(strings.TrimSpace(got), "\n")
			for _, line := range lines {
				if !strings.HasPrefix(line, c.begins) || strings.Contains(line, safe) != c.safe {
					t.Errorf("want %q, with options %v; the calls are\n%s", c.begins, c.safe, got)
				}
			}
			if len(lines) < 2 {
				t.Errorf("ls-remote and fetch make %d calls:\n%s", len(lines), got)
			}
		})
	}
}

// In a work tree of the user's own, its configuration counts too; git clone would not copy it.
func TestTheSSHProgramOfAWorkTreeIsUsed(t *testing.T) {
	dir, calls := fakeSSH(t, "ssh", "wrapper")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	url := remoteWith(t, map[string]string{"a": "1"})
	r := clone(t, url, CloneOptions{})
	r.url = ""
	for _, program := range []string{"wrapper", "ssh"} {
		r.configure(t, "remote.origin.url", "ssh://host.invalid"+url, "core.sshCommand", fmt.Sprintf("%s -i %s.key", program, program))
		if err := r.Fetch(t.Context(), "main", 0); err != nil {
			t.Fatal(err)
		}
		if err := r.CheckPush(t.Context(), "ssh://host.invalid"+url); err != nil {
			t.Fatal(err)
		}
		got := calls()
		if n := strings.Count(got, "-i "+program+".key "); n < 3 || n != strings.Count(got, "\n") {
			t.Errorf("ls-remote, fetch and push with %s:\n%s", program, got)
		}
	}
}
