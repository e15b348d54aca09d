//go:build e2e

package network

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestThePluginConnectsAndFollows(t *testing.T) {
	env := newEnv(t, 2)
	p := env.plugin("bob", pluginRights)
	env.createForUser("open", 2)
	p.connects("open")
	best := env.mineAt("open-sts-1", "1")
	p.logsHave("open", best)
}

// connects calls a node as its user, through the port on this machine.
func (p plugin) connects(name string) {
	p.Helper()
	command := p.command("connect", name, "--first-port", "24680")
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		p.Fatal(err)
	}
	var address string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if match := regexp.MustCompile(`^` + name + `-sts-1  rpc (\S+)`).FindStringSubmatch(lines.Text()); match != nil {
			address = match[1]
		}
		if strings.HasPrefix(lines.Text(), "electrs") {
			break
		}
	}
	request, err := http.NewRequestWithContext(p.Context(), http.MethodPost, "http://"+address, strings.NewReader(`{"method":"getnetworkinfo","params":[],"id":1}`))
	if err != nil {
		p.Fatal(err)
	}
	request.SetBasicAuth(user, password)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		p.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), `"localservices"`) {
		p.Errorf("the node answers %d %s (%v)", answer.StatusCode, text, err)
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		p.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		p.Errorf("connect ended with %v", err)
	}
	if _, err := http.Get("http://" + address); err == nil { //nolint:noctx // it must fail at once
		p.Errorf("%s is open", address)
	}
}

// logsHave checks that the logs of both nodes have a block, in the order of their times.
func (p plugin) logsHave(name, block string) {
	p.Helper()
	p.eventually("the block in both logs", time.Minute, func() error {
		out, errOut, code := p.run("logs", name, "--grep", "UpdateTip.*"+block)
		if code != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, name+"-sts-0  ") || !strings.Contains(out, name+"-sts-1  ") {
			return fmt.Errorf("it ended with %d: %s%s", code, out, errOut)
		}
		return nil
	})
	// bitcoind's own times are in seconds.
	stamp := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	last := ""
	for line := range strings.Lines(p.does("logs", name)) {
		at := stamp.FindString(line)
		if last == "" || at == "" {
			last = at
			continue
		}
		was, err := time.Parse(time.RFC3339, last)
		now, errNow := time.Parse(time.RFC3339, at)
		// The kubelets may get a line a moment after bitcoind wrote it.
		if err != nil || errNow != nil || now.Before(was.Add(-2*time.Second)) {
			p.Errorf("a line of %s comes after one of %s: %s", at, last, line)
		}
		last = at
	}
}

func TestThePluginNamesTheRightThatIsMissing(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 1)
	env.create(network("watched", 1))
	env.ready("watched", readyTimeout)
	viewer := env.plugin("eve", []rbacv1.PolicyRule{{APIGroups: []string{v1.GroupName}, Resources: []string{"bitcoinnetworks"}, Verbs: []string{"get"}}})
	for line, right := range map[string]string{
		"mine watched 1":        "create pods/exec",
		"cli watched help":      "create pods/exec",
		"tree":                  "list bitcoinnetworks",
		"create another":        "create bitcoinnetworks",
		"kill watched/0":        "get pods",
		"logs watched":          "get pods/log",
		"connect watched":       "create pods/portforward",
		"heal watched":          "create pods/exec",
		"pause watched/0 1s":    "create pods/exec",
		"reorg watched":         "create pods/exec",
		"traffic watched":       "create pods/exec",
		"partition watched 0,0": "",
	} {
		_, errOut, code := viewer.run(strings.Fields(line)...)
		want, wantCode := "your account has no right to "+right+` in namespace "`+env.namespace+`"`, 1
		if right == "" {
			want, wantCode = "names node 0 twice", 2
		}
		if code != wantCode || !strings.Contains(errOut, want) {
			t.Errorf("%s ended with %d, and should with %d: %s, without %q", line, code, wantCode, errOut, want)
		}
	}
	if tree, errOut, code := viewer.run("tree", "watched"); code != 0 || !strings.Contains(tree, "watched-sts-0") {
		t.Errorf("tree ended with %d: %s%s", code, tree, errOut)
	}
}
