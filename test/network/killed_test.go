//go:build e2e

package network

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

// bitcoind writes its chain to the disk when it is stopped, and otherwise once an hour. A node that is killed, by its memory limit for
// example, would begin with the first block again, and here no other node has the others.
func TestAKilledNodeHasItsChain(t *testing.T) {
	skipIfShort(t)
	testtools.Docker(t)
	env := newEnv(t, 1)
	env.create(storedNetwork("killed", 1))
	env.ready("killed", readyTimeout)
	best := env.mineToWallet("killed-sts-0", "savings")
	env.eventually("the chain state to be written after the last block", time.Minute, func() error {
		_, err := env.tryBeside("killed-sts-0",
			`(cd $p/root/data/regtest && [ -n "$(find chainstate -type f -newer "$(ls -t blocks/rev*.dat | head -1)")" ])`)
		return err
	})
	env.signal("KILL", "killed-sts-0")
	env.eventually("bitcoind to run again, with its chain", time.Minute, func() error {
		pod, err := cluster.core.CoreV1().Pods(env.namespace).Get(t.Context(), "killed-sts-0", metav1.GetOptions{})
		if err != nil {
			return err
		}
		hash, err := env.cli("killed-sts-0", "getbestblockhash")
		if err == nil && (hash != best || pod.Status.ContainerStatuses[0].RestartCount == 0) {
			err = fmt.Errorf("after %d restarts its best block is %s", pod.Status.ContainerStatuses[0].RestartCount, hash)
		}
		return err
	})
	if fall := env.ready("killed", readyTimeout).Status.HeightFell; fall != nil {
		t.Errorf("the height fell: %+v", fall)
	}
	env.hasCoins("killed-sts-0", "savings", "50.00000000")
}
