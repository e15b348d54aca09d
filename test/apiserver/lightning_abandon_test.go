package apiserver_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// As long as a bitcoind has the funding transaction, its coins would be lost with the channel.
func TestAChannelWhoseFundingTransactionIsLostIsOpenedAgain(t *testing.T) {
	t.Parallel()
	spec := v1.LightningNetworkSpec{BitcoinNetwork: "net", Nodes: 2, Channels: twoChannels.Channels[:1]}
	ln, net, _ := withLightning(t, 1, spec)
	ln.WaitReady()
	net.Node(0).Handle("gettxout", func(string, []any) (any, error) { return bitcoind.TxOut{}, nil })
	ln.Lightning().LoseNextFunding()
	ln.Update(func(n *v1.LightningNetwork) {
		n.Spec.Channels = append(n.Spec.Channels, v1.LightningChannel{From: 1, To: 0, Capacity: 50_000})
	})
	message := "node 0 of the BitcoinNetwork net has the transaction, with 0 confirmations"
	ln.Eventually("the channel to be kept", func(n *v1.LightningNetwork) error {
		for _, c := range n.Status.Channels {
			if c.State == v1.LightningChannelOpening && strings.Contains(c.Message, message) {
				return nil
			}
		}
		return errors.New("no such message")
	})
	net.Node(0).Handle("gettxout", nil)
	ln.WaitReady()
	abandoned := map[string]bool{}
	for _, event := range ln.Events() {
		if event.Reason == v1.LightningEventChannelAbandoned && strings.Contains(event.Note, "and no bitcoind has it") {
			for _, node := range []string{"node 0", "node 1"} {
				if strings.Contains(event.Note, "is abandoned at "+node) {
					abandoned[node] = true
				}
			}
		}
	}
	if len(abandoned) != 2 {
		t.Errorf("events of %v only", abandoned)
	}
	if opened := ln.Opened(); len(opened) != 2 {
		t.Errorf("%v", opened)
	}
}
