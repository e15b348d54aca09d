//go:build e2e

package network

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// anyone is the script of an output that anyone can spend, P2WSH of OP_TRUE: a transaction that spends it needs no signature, and
// is relayed.
var anyone = func() []byte {
	hash := sha256.Sum256([]byte{0x51})
	return append([]byte{0x00, 0x20}, hash[:]...)
}()

// doubleHash is the id of a transaction without witness, as it is in transactions.
func doubleHash(tx []byte) []byte {
	first := sha256.Sum256(tx)
	second := sha256.Sum256(first[:])
	return second[:]
}

func output(value uint64) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, value), byte(len(anyone))), anyone...)
}

func input(id []byte, index uint32) []byte {
	in := binary.LittleEndian.AppendUint32(slices.Clone(id), index)
	return append(in, 0x00, 0xff, 0xff, 0xff, 0xff)
}

// fanOut spends a coinbase output that anyone can spend into many equal outputs.
func fanOut(coinbase []byte, outputs uint16, value uint64) []byte {
	tx := append([]byte{2, 0, 0, 0, 1}, input(coinbase, 0)...)
	tx = binary.LittleEndian.AppendUint16(append(tx, 0xfd), outputs)
	for range outputs {
		tx = append(tx, output(value)...)
	}
	return append(tx, 0, 0, 0, 0)
}

// small spends one output into another one.
func small(id []byte, index uint32, value uint64) string {
	tx := append([]byte{2, 0, 0, 0, 0, 1, 1}, input(id, index)...)
	tx = append(append(tx, 1), output(value)...)
	return hex.EncodeToString(append(tx, 1, 1, 0x51, 0, 0, 0, 0))
}

// asUser calls a node as the user of the Secret, with a batch of calls.
func (env *testEnv) asUser(pod string) func(calls ...bitcoind.Call) []error {
	env.Helper()
	client, at := env.userClient(pod)
	return func(calls ...bitcoind.Call) []error {
		env.Helper()
		ctx, cancel := context.WithTimeout(env.Context(), e2e.LimitFactor()*30*time.Second)
		defer cancel()
		errs, err := client.Batch(ctx, at, calls)
		if err != nil {
			env.Fatal(err)
		}
		return errs
	}
}

// manyOutputs mines a block with this many outputs that anyone can spend, and returns their transaction's id.
func (env *testEnv) manyOutputs(pod string, call func(...bitcoind.Call) []error, outputs uint16, value uint64) []byte {
	env.Helper()
	env.mineAt(pod, "101")
	var block struct{ Tx []string }
	hash, err := env.cli(pod, "getblockhash", "1")
	if err != nil {
		env.Fatal(err)
	}
	if err := call(bitcoind.Call{Method: "getblock", Params: []any{hash}, Result: &block})[0]; err != nil {
		env.Fatal(err)
	}
	coinbase, err := hex.DecodeString(block.Tx[0])
	if err != nil {
		env.Fatal(err)
	}
	slices.Reverse(coinbase)
	tx := fanOut(coinbase, outputs, value)
	// A block may have transactions that no node relays.
	if err := call(bitcoind.Call{Method: "generateblock", Params: []any{"raw(51)", []string{hex.EncodeToString(tx)}}})[0]; err != nil {
		env.Fatal(err)
	}
	return doubleHash(tx)
}

// 6,000 small transactions fit into a mempool, and about 14,000, as docs/networks.md has it. A node whose mempool is full rejects
// further ones, and is otherwise as before.
func TestAFullMempoolLeavesItsNodeInTheNetwork(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 2)
	undisturbed.RLock()
	defer undisturbed.RUnlock()
	env.createForUser("crowded", 2)
	call := env.asUser("crowded-sts-0")
	const outputs, value, fee, batch = 18_000, 200_000, 200, 500
	id := env.manyOutputs("crowded-sts-0", call, outputs, value)
	env.ready("crowded", readyTimeout)
	before := env.condition("crowded", v1.ConditionReady)
	accepted, rejection := 0, ""
	for first := uint32(0); first < outputs && rejection == ""; first += batch {
		calls := make([]bitcoind.Call, batch)
		for i := range calls {
			calls[i] = bitcoind.Call{Method: "sendrawtransaction", Params: []any{small(id, first+uint32(i), value-fee)}} //nolint:gosec // a small number
		}
		for _, err := range call(calls...) {
			if err == nil {
				accepted++
			} else if rejection == "" {
				rejection = err.Error()
			}
		}
	}
	t.Logf("the node accepted %d small transactions, then: %s", accepted, rejection)
	if accepted < 13_000 || accepted > 16_000 {
		t.Errorf("%d small transactions fit; docs/networks.md has about 14,000", accepted)
	}
	var mempool struct {
		Size, Usage, MaxMempool int64
	}
	if err := call(bitcoind.Call{Method: "getmempoolinfo", Result: &mempool})[0]; err != nil || mempool.Usage < mempool.MaxMempool*9/10 {
		t.Errorf("the mempool is not full: %+v, %v", mempool, err)
	}
	env.change("crowded", func(s *v1.BitcoinNetworkSpec) { s.Mining = miningEvery(time.Second) })
	env.hasMined("crowded-sts-1", 104, time.Minute)
	after := env.condition("crowded", v1.ConditionReady)
	if after.Status != metav1.ConditionTrue || !after.LastTransitionTime.Equal(&before.LastTransitionTime) {
		t.Errorf("Ready was true since %s and is %s since %s: %s", before.LastTransitionTime, after.Status, after.LastTransitionTime, after.Message)
	}
	if notes := env.eventNotes("crowded", "NodeLost"); len(notes) > 0 {
		t.Errorf("events: %q", notes)
	}
	env.notRestarted("crowded")
}
