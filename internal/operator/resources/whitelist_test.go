//go:build linux

package resources

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// notListed are methods that bitcoind's help does not list.
var notListed = []string{
	"echo", "generateblock", "generatetoaddress", "invalidateblock", "mockscheduler", "reconsiderblock", "setmocktime", "syncwithvalidationinterfacequeue",
}

// A real bitcoind with the rendered file is called with each method that it has.
func TestACredentialCallsTheMethodsOfItsListOnly(t *testing.T) {
	operator := bitcoind.Credential{User: rpcauth.OperatorUser, Password: "p", Salt: "00112233445566778899aabbccddeeff"}
	lnd := bitcoind.Credential{User: rpcauth.LightningUser, Password: "q", Salt: "ffeeddccbbaa99887766554433221100"}
	node := startNode(t, bitcoinConf{operator: operator, lightning: lnd}.render())
	methods := append(node.methods(), notListed...)
	if len(methods) < 100 || !slices.Contains(methods, "sendtoaddress") {
		t.Fatalf("bitcoind has %d methods only: %q", len(methods), methods)
	}
	for _, test := range []struct {
		bitcoind.Credential
		list []string
	}{{operator, bitcoind.Methods}, {lnd, bitcoind.LightningMethods}} {
		for _, method := range methods {
			status, _ := node.call(test.User, test.Password, method)
			if denied := status == http.StatusForbidden; denied == slices.Contains(test.list, method) {
				t.Errorf("%s is answered to %s with the status %d", method, test.User, status)
			}
		}
	}
}

type runningNode struct {
	t       *testing.T
	address string
	cookie  func() (user, password string)
}

// startNode starts a node with a file as in a pod, but for the addresses and places.
func startNode(t *testing.T, conf string) runningNode {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "bitcoin.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(testtools.FreePort(t))
	n := runningNode{t: t, address: "127.0.0.1:" + port, cookie: func() (user, password string) {
		text, _ := os.ReadFile(filepath.Join(dir, "regtest", ".cookie")) //nolint:errcheck // later
		user, password, _ = strings.Cut(string(text), ":")
		return user, password
	}}
	arguments := []string{"-conf=" + path, "-datadir=" + dir, "-rpcport=" + port, "-listen=0", "-printtoconsole=0"}
	command := exec.Command(testtools.Bitcoind(t), arguments...) //nolint:gosec,noctx // of this test, which ends it
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill() //nolint:errcheck // it may have ended
		_ = command.Wait()         //nolint:errcheck // it was killed
	})
	testtools.Eventually(t, "bitcoind answers", time.Minute, func() error {
		user, password := n.cookie()
		if status, _ := n.call(user, password, "uptime"); status != http.StatusOK {
			return fmt.Errorf("status %d", status)
		}
		return nil
	})
	return n
}

// call returns the status of the response, 0 without one.
func (n runningNode) call(user, password, method string) (status int, result string) {
	n.t.Helper()
	body := fmt.Sprintf(`{"id":1,"method":%q,"params":[]}`, method)
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodPost, "http://"+n.address, strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	req.SetBasicAuth(user, password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	var answer struct{ Result any }
	_ = json.NewDecoder(resp.Body).Decode(&answer) //nolint:errcheck // a rejected call has no body
	return resp.StatusCode, fmt.Sprint(answer.Result)
}

// methods are those that its help lists.
func (n runningNode) methods() (list []string) {
	user, password := n.cookie()
	_, help := n.call(user, password, "help")
	for line := range strings.Lines(help) {
		if words := strings.Fields(line); len(words) > 0 && words[0] != "==" {
			list = append(list, words[0])
		}
	}
	return list
}
