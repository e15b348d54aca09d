//go:build e2e

package network

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// bashCompletion defines the functions that the script of kubectl for bash needs.
const bashCompletion = "/usr/share/bash-completion/bash_completion"

// The shell itself completes a line: with the script of `kubectl completion`, kubectl, and the program that the archives have beside the
// plugin.
func TestShellsCompleteTheCommandsNetworksAndNodesOfThePlugin(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 3)
	for _, program := range []string{"kubectl", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			testtools.Missing(t, program+" is not installed")
		}
	}
	env.create(network("my-first", 1))
	env.create(network("my-second", 2))
	env.ready("my-first", readyTimeout)
	env.ready("my-second", readyTimeout)
	environment := env.completionEnvironment()
	for line, want := range map[string][]string{
		"kubectl btcnet tr":              {"traffic", "tree"},
		"kubectl btcnet tree my-":        {"my-first", "my-second"},
		"kubectl btcnet mine my-second/": {"my-second/0", "my-second/1"},
	} {
		t.Run("bash: "+line, func(t *testing.T) {
			if _, err := os.Stat(bashCompletion); err != nil {
				testtools.Missing(t, "the package bash-completion is not installed")
			}
			out := completed(t, environment, "bash", "--norc", "-c", bashScript, "bash", line)
			if got := strings.Fields(out); !slices.Equal(got, want) {
				t.Errorf("it offers %q, and should offer %q", got, want)
			}
		})
		t.Run("zsh: "+line, func(t *testing.T) {
			if _, err := exec.LookPath("zsh"); err != nil {
				testtools.Missing(t, "zsh is not installed")
			}
			out := completed(t, environment, append([]string{"zsh", "-f", "-c", zshScript, "zsh", line}, want...)...)
			for _, word := range want {
				if !strings.Contains(out, word) {
					t.Errorf("it prints %q, without %s", out, word)
				}
			}
			if strings.Contains(out, "reorg") {
				t.Errorf("it offers all commands: %q", out)
			}
		})
	}
}

// bashScript calls what bash calls for the tab key, and prints the words that bash would offer.
const bashScript = `source ` + bashCompletion + `; source <(kubectl completion bash)
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9; COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
__start_kubectl; printf '%s\n' "${COMPREPLY[@]}"`

// zshScript presses the tab key in a terminal, and prints what it shows until it has all words, or until a minute has passed.
const zshScript = `zmodload zsh/zpty; zpty shell zsh -f -i
zpty -w shell 'PS1=; autoload -U compinit; compinit -u -D; source <(kubectl completion zsh); compdef _kubectl kubectl; print RE""ADY'
zpty -r -m shell REPLY "*READY*"
zpty -n -w shell "$1"$'\t\t'; shift
missing() { local word; for word; do [[ $text == *$word* ]] || return 0; done; return 1 }
text=; while (( SECONDS < 60 )) && missing "$@"; do zpty -r -t shell REPLY && text+=$REPLY || sleep 0.05; done
print -r -- "$text"; zpty -d shell`

// completionEnvironment has the plugin and its completion on the PATH, and the namespace of the test in the kubeconfig.
func (env *testEnv) completionEnvironment() []string {
	env.Helper()
	file, err := e2e.Program()
	if err != nil {
		env.Fatal(err)
	}
	complete, err := filepath.Abs("../../ci/plugin/kubectl_complete-btcnet")
	if err != nil {
		env.Fatal(err)
	}
	dir := env.TempDir()
	for name, target := range map[string]string{"kubectl-btcnet": file, "kubectl_complete-btcnet": complete} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			env.Fatal(err)
		}
	}
	config := env.kubeconfig()
	if out, err := exec.CommandContext(env.Context(), "kubectl", "--kubeconfig", config, "config", "set-context", "--current", "--namespace", env.namespace).CombinedOutput(); err != nil {
		env.Fatalf("%v: %s", err, out)
	}
	return append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "KUBECONFIG="+config, "TERM=dumb")
}

// completed is what a shell prints.
func completed(t *testing.T, environment []string, command ...string) string {
	t.Helper()
	var errOut bytes.Buffer
	shell := exec.CommandContext(t.Context(), command[0], command[1:]...)
	shell.Env, shell.Stderr = environment, &errOut
	out, err := shell.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, errOut.String())
	}
	return string(out)
}
