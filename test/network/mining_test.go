//go:build e2e

package network

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

func miningEvery(interval time.Duration) *v1.Mining {
	return &v1.Mining{Interval: &metav1.Duration{Duration: interval}}
}

// blockTime is the time in the block of a node at a height.
func (env *testEnv) blockTime(pod string, height int) (time.Time, error) {
	env.Helper()
	hash, err := env.cli(pod, "getblockhash", strconv.Itoa(height))
	if err != nil {
		return time.Time{}, err
	}
	header, err := ask[struct{ Time int64 }](env, pod, "getblockheader", hash)
	return time.Unix(header.Time, 0), err
}

// hasMined waits until a node has this many blocks.
func (env *testEnv) hasMined(pod string, blocks int, limit time.Duration) {
	env.Helper()
	env.eventually(fmt.Sprintf("%d blocks on %s", blocks, pod), limit, func() error {
		height, err := ask[int](env, pod, "getblockcount")
		if err == nil && height < blocks {
			err = fmt.Errorf("it has %d", height)
		}
		return err
	})
}

// miningIs waits for a reason of the condition Mining and returns its message.
func (env *testEnv) miningIs(network, reason string, limit time.Duration) (message string) {
	env.Helper()
	env.eventually("the condition Mining of "+network+" to have the reason "+reason, limit, func() error {
		mining := meta.FindStatusCondition(env.get(network).Status.Conditions, v1.ConditionMining)
		if mining == nil || mining.Reason != reason {
			return fmt.Errorf("it is %+v", mining)
		}
		message = mining.Message
		return nil
	})
	return message
}

// After quick blocks the time of the next one is the median time plus one on both sides, so that only its script can differ.
func TestTheSidesOfAPartitionMineDifferentBlocksAfterQuickOnes(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 4)
	env.create(network("quick", 4))
	env.ready("quick", readyTimeout)
	const quick = 1000
	if _, err := env.cli("quick-sts-0", "generatetodescriptor", strconv.Itoa(quick), "raw(6a0130)"); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		env.hasMined(fmt.Sprintf("quick-sts-%d", i), quick, time.Minute)
	}
	if at, err := env.blockTime("quick-sts-0", quick); err != nil || time.Until(at) < 30*time.Second {
		t.Fatalf("block %d is of %s, %v: the times of the blocks should be ahead of the clock", quick, at, err)
	}
	env.change("quick", func(s *v1.BitcoinNetworkSpec) {
		s.Partitions, s.Mining = []v1.Partition{{Nodes: []int32{0, 1}}}, miningEvery(time.Second)
	})
	// Mining continues at the interval, although the latest block is minutes ahead.
	for _, pod := range []string{"quick-sts-0", "quick-sts-2"} {
		env.hasMined(pod, quick+3, 30*time.Second)
	}
	for height := quick + 1; height <= quick+3; height++ {
		left, err := env.cli("quick-sts-0", "getblockhash", strconv.Itoa(height))
		if err != nil {
			t.Fatal(err)
		}
		if right, err := env.cli("quick-sts-2", "getblockhash", strconv.Itoa(height)); err != nil || right == left {
			t.Errorf("block %d is %s on one side and %s on the other, %v", height, left, right, err)
		}
	}
	env.eventually("the status to show two branches", time.Minute, func() error {
		if status := env.get("quick").Status; status.ChainTips != 2 {
			return fmt.Errorf("%d tips at height %d", status.ChainTips, status.Height)
		}
		return nil
	})
}

func TestTheNextBlockIsDueAtItsTimeWhenTheOperatorRestarts(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 2)
	n := network("steady", 2)
	const interval = 40 * time.Second
	n.Spec.Mining = miningEvery(interval)
	env.create(n)
	env.ready("steady", readyTimeout)
	env.hasMined("steady-sts-0", 1, time.Minute)
	height, before := 0, ""
	var first time.Time
	for try := 1; ; try++ {
		// Until nobody else ends the operator, more blocks may have been mined.
		env.endOperatorsAfter(func() {
			height, first = env.recentBlock(interval, "steady-sts-0")
			before, _ = env.leads()
		})
		undisturbed.RLock()
		since := time.Since(first)
		if since <= 2*interval {
			break
		}
		// Another test that ends the operator came between the two locks: the next block may be that of an operator which is gone.
		undisturbed.RUnlock()
		if try == 3 {
			t.Fatalf("other tests that end the operator came first three times: block %d is %s old", height, since)
		}
	}
	defer undisturbed.RUnlock()
	env.hasMined("steady-sts-0", height+1, 2*time.Minute)
	second, err := env.blockTime("steady-sts-0", height+1)
	if err != nil {
		t.Fatal(err)
	}
	var leads time.Time
	env.eventually("another operator to lead", time.Minute, func() error {
		holder, since := env.leads()
		if holder == "" || holder == before {
			return fmt.Errorf("it is %q", holder)
		}
		leads = since.Truncate(time.Second)
		return nil
	})
	t.Logf("a block at %s, an operator that leads since %s, and the next block at %s", first.Format(time.TimeOnly), leads.Format(time.TimeOnly), second.Format(time.TimeOnly))
	if gap := second.Sub(first); gap < interval-time.Second || gap > max(interval, leads.Sub(first))+e2e.LimitFactor()*20*time.Second {
		t.Errorf("the second block is %s after the first, with a restart in between; want %s", gap, interval)
	}
	// An operator that counts from its own start mines then at the earliest.
	if own := leads.Add(interval); !second.Before(own) {
		t.Errorf("the block of %s is due from the block before on, not from the start of the operator", second)
	}
	// On a busy machine the next block is mined before the status is read.
	status := env.get("steady").Status
	latest, err := env.blockTime("steady-sts-0", int(status.Height))
	if err != nil {
		t.Fatal(err)
	}
	if status.LastBlockTime == nil || status.LastBlockTime.Sub(latest).Abs() > 10*time.Second {
		t.Errorf("the block of height %d is of %s, and the status has %s", status.Height, latest, status.LastBlockTime)
	}
}

// recentBlock returns the latest block of a node, as soon as it is old enough for an operator that starts now to be seen to count from it,
// and young enough for that operator to lead before the next one is due. Tests that wait for the lock of the caller wait for this, too.
func (env *testEnv) recentBlock(interval time.Duration, pod string) (height int, mined time.Time) {
	env.Helper()
	env.every(time.Second, "a block that is between 10 s and 25 s old", interval+20*time.Second, func() (err error) {
		if height, err = ask[int](env, pod, "getblockcount"); err != nil {
			return err
		}
		if mined, err = env.blockTime(pod, height); err != nil {
			return err
		}
		if age := time.Since(mined); age < 10*time.Second || age > 25*time.Second {
			return fmt.Errorf("block %d is %s old", height, age)
		}
		return nil
	})
	return height, mined
}

func TestKeepAliveMinesWhenTheBestBlockIsOld(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 2)
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	n := network("kept", 2)
	n.Spec.Mining = &v1.Mining{KeepAlive: &metav1.Duration{Duration: time.Minute}}
	env.create(n)
	env.ready("kept", readyTimeout)
	env.hasMined("kept-sts-1", 1, 20*time.Second)
	env.hasMined("kept-sts-1", 2, 2*time.Minute)
	first, err := env.blockTime("kept-sts-1", 1)
	if err != nil {
		t.Fatal(err)
	}
	second, err := env.blockTime("kept-sts-1", 2)
	if gap := second.Sub(first); err != nil || gap < time.Minute || gap > time.Minute+e2e.LimitFactor()*15*time.Second {
		t.Errorf("the second block is %s after the first, %v; want a minute", gap, err)
	}
}

func TestTheConditionAndOneEventReportAnAddressWithAWrongChecksum(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 1)
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	n := network("mistyped", 1)
	n.Spec.Mining = &v1.Mining{Interval: &metav1.Duration{Duration: time.Hour}, Address: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt008"}
	env.create(n)
	env.ready("mistyped", readyTimeout)
	if message := env.miningIs("mistyped", v1.ReasonAddressInvalid, 20*time.Second); !strings.Contains(message, "checksum") {
		t.Errorf("the message is %q", message)
	}
	env.eventually("an event", time.Minute, func() error { return env.hasEvent("mistyped", "MiningFailed") })
	env.change("mistyped", func(s *v1.BitcoinNetworkSpec) {
		s.Mining = miningEvery(time.Second)
		s.Mining.Address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
	})
	env.miningIs("mistyped", v1.ReasonMining, time.Minute)
	if notes := env.eventNotes("mistyped", "MiningFailed"); len(notes) != 1 {
		t.Errorf("events %q, want one", notes)
	}
}

var continuesAt = regexp.MustCompile(`mining continues at (\S+)$`)

// A block may be two hours ahead of the clock. Some 43,000 quick blocks are, which take a node minutes; here the clock of the node is
// ahead instead while it mines a few.
func TestBlocksTooFarAheadOfTheClockAreReportedUntilTheyCanBeMined(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 1)
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	env.create(network("ahead", 1))
	env.ready("ahead", readyTimeout)
	pod := "ahead-sts-0"
	const height = 20
	// Time enough for the calls and to read the condition before mining continues. All of it is waited for.
	ahead, slack := (1+e2e.LimitFactor())*15*time.Second, e2e.LimitFactor()*10*time.Second
	for _, call := range [][]string{
		{"setmocktime", strconv.FormatInt(time.Now().Add(2*time.Hour+ahead).Unix(), 10)},
		{"generatetodescriptor", strconv.Itoa(height), "raw(6a0130)"},
		{"setmocktime", "0"},
	} {
		if _, err := env.cli(pod, call...); err != nil {
			t.Fatal(err)
		}
	}
	env.change("ahead", func(s *v1.BitcoinNetworkSpec) { s.Mining = miningEvery(time.Second) })
	message := env.miningIs("ahead", v1.ReasonTimeTooNew, 20*time.Second)
	match := continuesAt.FindStringSubmatch(message)
	if match == nil {
		t.Fatalf("the message is %q", message)
	}
	at, err := time.Parse(time.RFC3339, match[1])
	if left := time.Until(at); err != nil || left < 0 || left > ahead+5*time.Second {
		t.Errorf("mining continues in %s, %v; want less than %s", left, err, ahead)
	}
	env.miningIs("ahead", v1.ReasonMining, time.Minute)
	if delay := time.Since(at); delay < -2*time.Second || delay > slack {
		t.Errorf("mining continued %s after the time in the message", delay)
	}
	env.hasMined(pod, height+3, 20*time.Second)
	env.eventually("an event when it began and one when it ended", time.Minute, func() error {
		if began, ended := env.eventNotes("ahead", "MiningFailed"), env.eventNotes("ahead", "MiningResumed"); len(began) != 1 || len(ended) != 1 {
			return fmt.Errorf("%q and %q", began, ended)
		}
		return nil
	})
}
