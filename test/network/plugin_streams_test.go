//go:build e2e

package network

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/p2p"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

func TestThePluginConnectsAndFollows(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 2)
	p := env.plugin("bob", pluginRights)
	env.secret("users", user, password)
	n := network("open", 2)
	n.Spec.Secret, n.Spec.ZMQ = "users", &v1.ZMQ{}
	env.create(n)
	env.ready("open", readyTimeout)
	p.connects("open")
	best := env.mineAt("open-sts-1", "1")
	p.logsHave("open", best)
}

// connects uses a node through the ports on this machine: RPC as its user, P2P as a peer, and ZMQ as a subscriber.
func (p plugin) connects(name string) {
	p.Helper()
	command := p.Command("connect", name, "--first-port", "24680")
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		p.Fatal(err)
	}
	var address string
	ports := map[string]string{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if match := regexp.MustCompile(`^` + name + `-sts-1  rpc (\S+)`).FindStringSubmatch(lines.Text()); match != nil {
			address = match[1]
			fields := strings.Fields(lines.Text())
			for i := 1; i+1 < len(fields); i += 2 {
				ports[fields[i]] = fields[i+1]
			}
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
	p.publishesTo(name, ports)
	p.isAPeer(name, ports["p2p"])
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

// publishesTo checks that each publisher of node 1 sends what the node has, through its port on this machine.
func (p plugin) publishesTo(name string, ports map[string]string) {
	p.Helper()
	pod := name + "-sts-1"
	blocks, hashes := p.subscribe("rawblock", ports["rawblock"]), p.subscribe("hashblock", ports["hashblock"])
	txs, txids, sequence := p.subscribe("rawtx", ports["rawtx"]), p.subscribe("hashtx", ports["hashtx"]), p.subscribe("sequence", ports["sequence"])
	p.publishesABlock(pod, blocks)
	for topic, messages := range map[string]<-chan [][]byte{"hashblock": hashes, "rawtx": txs, "hashtx": txids, "sequence": sequence} {
		select {
		case parts := <-messages:
			if len(parts) != 3 || string(parts[0]) != topic {
				p.Errorf("the publisher of %s sends %x", topic, parts)
			}
			if topic == "hashblock" {
				if _, err := p.cli(pod, "getblockheader", hex.EncodeToString(parts[1])); err != nil {
					p.Errorf("the node does not have the block %x that it published: %v", parts[1], err)
				}
			}
		case <-time.After(e2e.LimitFactor() * 30 * time.Second):
			p.Errorf("no message of %s came through %s within %s", topic, ports[topic], e2e.LimitFactor()*30*time.Second)
		}
	}
}

// isAPeer checks that a connection with the P2P port has the chain of node 1, and that bitcoind has it among its peers.
func (p plugin) isAPeer(name, address string) {
	p.Helper()
	conn, err := net.Dial("tcp", address) //nolint:noctx // on this machine
	if err != nil {
		p.Fatal(err)
	}
	peer, err := p2p.Dial(p.Context(), conn, p2p.Options{})
	if err != nil {
		p.Fatal(err)
	}
	defer peer.Close()
	best, err := p.cli(name+"-sts-1", "getbestblockhash")
	if err != nil {
		p.Fatal(err)
	}
	if chain, err := peer.Chain(p.Context(), 1000); err != nil || len(chain) == 0 || chain[len(chain)-1].BlockHash().String() != best {
		p.Errorf("over P2P the chain has %d blocks (%v), and the best block is %s", len(chain), err, best)
	}
	peers, err := ask[[]struct{ SubVer string }](p.testEnv, name+"-sts-1", "getpeerinfo")
	if err != nil || !slices.ContainsFunc(peers, func(q struct{ SubVer string }) bool { return strings.HasPrefix(q.SubVer, "/kubectl-btcnet:") }) {
		p.Errorf("its peers are %+v (%v)", peers, err)
	}
}

// logsHave checks that the logs of both nodes have a block, in the order of their times.
func (p plugin) logsHave(name, block string) {
	p.Helper()
	p.eventually("the block in both logs", time.Minute, func() error {
		out, errOut, code := p.Try("logs", name, "--grep", "UpdateTip.*"+block)
		if code != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, name+"-sts-0  ") || !strings.Contains(out, name+"-sts-1  ") {
			return fmt.Errorf("it ended with %d: %s%s", code, out, errOut)
		}
		return nil
	})
	// bitcoind's own times are in seconds.
	stamp := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	last := ""
	for line := range strings.Lines(p.Does("logs", name)) {
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
		_, errOut, code := viewer.Try(strings.Fields(line)...)
		want, wantCode := "your account has no right to "+right+` in namespace "`+env.namespace+`"`, 1
		if right == "" {
			want, wantCode = "names node 0 twice", 2
		}
		if code != wantCode || !strings.Contains(errOut, want) {
			t.Errorf("%s ended with %d, and should with %d: %s, without %q", line, code, wantCode, errOut, want)
		}
	}
	if tree, errOut, code := viewer.Try("tree", "watched"); code != 0 || !strings.Contains(tree, "watched-sts-0") {
		t.Errorf("tree ended with %d: %s%s", code, tree, errOut)
	}
}
