//go:build linux

package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	codes "k8s.io/client-go/util/exec"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	networks "github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/fake"
)

// realLimit is how long something may take that bitcoind does at once.
const realLimit = 3 * time.Minute

// realNode is a bitcoind on this machine.
type realNode struct {
	dir       string
	port, rpc int
	command   *exec.Cmd
}

// reality is a network of real bitcoinds in a simulated cluster.
type reality struct {
	*world
	programs testtools.BitcoindPrograms
	real     map[string]*realNode
	mu       sync.Mutex
	// calls of bitcoin-cli, without the configuration.
	calls []string
}

// newReality starts the nodes, with the options that the operator gives them.
func newReality(t *testing.T, name string, nodes int32) *reality {
	t.Helper()
	network := &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns"}, Spec: v1.BitcoinNetworkSpec{Nodes: nodes}}
	r := &reality{world: &world{T: t, network: network, core: fake.NewClientset()}, programs: testtools.BitcoinPrograms(t), real: map[string]*realNode{}}
	r.client = &cluster.Client{Namespace: "ns", Networks: networks.NewClientset(network), Core: r.core, Pods: r, Poll: time.Second, Forward: r.dial}
	for _, node := range noderef.Nodes(network) {
		r.real[node.Pod] = &realNode{dir: t.TempDir(), port: testtools.FreePort(t), rpc: testtools.FreePort(t)}
		r.start(node.Pod)
		r.addPod(node.Pod, "1", "10.0.0.1")
	}
	return r
}

func (r *reality) start(pod string) {
	r.Helper()
	node := r.real[pod]
	conf := fmt.Sprintf("regtest=1\ndatadir=%s\nserver=1\nrest=1\nprinttoconsole=1\nnodebuglogfile=1\n[regtest]\nport=%d\nbind=127.0.0.1:%d\nlisten=1\nrpcport=%d\nrpcbind=127.0.0.1\n"+
		"addresstype=bech32\ncheckblockindex=0\ncheckmempool=0\ndbcache=4\ndiscover=0\ndnsseed=0\nfallbackfee=0.0001\nfastprune=1\nfixedseeds=0\nkeypool=100\n"+
		"listenonion=0\nmaxmempool=16\nmaxsigcachesize=0\nmaxtipage=3153600000\nnatpmp=0\npar=1\nrpcthreads=16\nrpcworkqueue=64\nsoftwareexpiry=0\ntimeout=1000\nunsafesqlitesync=1\n",
		node.dir, node.port, node.port, node.rpc)
	if err := os.WriteFile(r.conf(pod), []byte(conf), 0o600); err != nil {
		r.Fatal(err)
	}
	command := exec.Command(r.programs.Bitcoind, "-conf="+r.conf(pod)) //nolint:gosec,noctx // of this test, ended below
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		r.Fatal(err)
	}
	node.command = command
	r.Cleanup(func() { r.end(command, syscall.SIGTERM) })
}

// end ends a node, and does nothing when it has ended.
func (r *reality) end(command *exec.Cmd, signal syscall.Signal) {
	if command.ProcessState != nil {
		return
	}
	_ = command.Process.Signal(signal) //nolint:errcheck // it may have ended
	_ = command.Wait()                 //nolint:errcheck // it was ended
	r.Logf("a node took %s of processor time", (command.ProcessState.UserTime() + command.ProcessState.SystemTime()).Round(time.Millisecond))
}

func (r *reality) conf(pod string) string { return filepath.Join(r.real[pod].dir, "bitcoin.conf") }

func (r *reality) dial(ctx context.Context, _, address string) (net.Conn, error) {
	pod, _, _ := strings.Cut(address, ".")
	return (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", r.real[pod].port))
}

// Exec implements cluster.Executor.
func (r *reality) Exec(ctx context.Context, _, pod string, command []string, in io.Reader, out, errOut io.Writer) error {
	arguments := append(append([]string{}, r.programs.CLI[1:]...), "-conf="+r.conf(pod))
	run := exec.CommandContext(ctx, r.programs.CLI[0], append(arguments, command[2:]...)...) //nolint:gosec // those of this test
	run.Stdin, run.Stdout, run.Stderr = in, out, errOut
	err := run.Run()
	r.mu.Lock()
	r.calls = append(r.calls, pod+" "+strings.Join(command[2:], " "))
	r.mu.Unlock()
	if exited, ok := errors.AsType[*exec.ExitError](err); ok {
		return codes.CodeExitError{Err: err, Code: exited.ExitCode()}
	}
	return err
}

// ask calls a node, which may be starting.
func (r *reality) ask(pod string, arguments ...string) string {
	r.Helper()
	var answer string
	testtools.Eventually(r.T, "an answer to "+strings.Join(arguments, " "), realLimit, func() error {
		var err error
		if answer, err = r.client.CLI(r.Context(), pod, arguments...); err != nil && !cluster.Transient(err) {
			r.Fatal(err)
		}
		return err
	})
	return answer
}
