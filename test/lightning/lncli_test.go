//go:build e2e

package lightning

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/plan"
)

// lncli runs lncli in the pod of a node, with the command line of docs/lightning.md, and decodes its answer.
func lncli[T any](n *network, node int, args ...string) (answer T, err error) {
	text, err := n.exec(n.lndPod(node), "lnd", append([]string{"lncli"}, args...)...)
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return answer, fmt.Errorf("%v of %s: %w: %s", args, n.lndPod(node), err, text)
	}
	return answer, nil
}

// end is a channel as lncli listchannels shows it at one of its ends.
type end struct {
	Active bool   `json:"active"`
	Remote string `json:"remote_pubkey"`
	Point  string `json:"channel_point"`
	SCID   string `json:"scid_str"`
}

// ends are the channels of all nodes, and keys their public keys.
func (n *network) ends() (ends [][]end, keys []string, err error) {
	count := int(n.spec.Nodes)
	ends, keys = make([][]end, count), make([]string, count)
	var group errgroup.Group
	group.SetLimit(5)
	for i := range count {
		group.Go(func() error {
			list, err := lncli[struct{ Channels []end }](n, i, "listchannels")
			if err != nil {
				return err
			}
			info, err := lncli[struct {
				Key string `json:"identity_pubkey"`
			}](n, i, "getinfo")
			ends[i], keys[i] = list.Channels, info.Key
			return err
		})
	}
	return ends, keys, group.Wait()
}

// declared returns an error unless the nodes have exactly the declared channels, each of them active at both ends, with the same short
// channel id.
func (n *network) declared() error {
	ends, keys, err := n.ends()
	if err != nil {
		return err
	}
	type pair struct{ from, to int }
	seen := map[string][]pair{}
	for i, list := range ends {
		for _, e := range list {
			if !e.Active {
				return fmt.Errorf("node %d has the inactive channel %s", i, e.Point)
			}
			key := e.Point + " " + e.SCID
			seen[key] = append(seen[key], pair{i, slices.Index(keys, e.Remote)})
		}
	}
	got, want := map[pair]int{}, map[pair]int{}
	for key, pairs := range seen {
		if len(pairs) != 2 || pairs[0].from != pairs[1].to || pairs[0].to != pairs[1].from {
			return fmt.Errorf("%s has the ends %v", key, pairs)
		}
		got[pair{min(pairs[0].from, pairs[0].to), max(pairs[0].from, pairs[0].to)}]++
	}
	for _, c := range plan.Desired(&n.spec) {
		want[pair{min(c.From, c.To), max(c.From, c.To)}]++
	}
	if !maps.Equal(got, want) {
		return fmt.Errorf("the nodes have the channels %v, and should have %v", got, want)
	}
	return nil
}

// points are the channels of the nodes and their public keys, for a comparison.
func (n *network) points() []string {
	n.Helper()
	ends, list, err := n.ends()
	if err != nil {
		n.Fatal(err)
	}
	for _, channels := range ends {
		for _, e := range channels {
			list = append(list, e.Point+" "+e.SCID)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// pay pays from one node to another, once.
func (n *network) pay(from, to int) error {
	invoice, err := lncli[struct {
		Request string `json:"payment_request"`
		Hash    string `json:"r_hash"`
	}](n, to, "addinvoice", "--amt", strconv.Itoa(1000))
	if err != nil {
		return err
	}
	out, err := n.exec(n.lndPod(from), "lnd", "lncli", "payinvoice", "--force", "--timeout", "30s", invoice.Request)
	if err != nil {
		return fmt.Errorf("node %d cannot pay node %d: %w: %s", from, to, err, out)
	}
	paid, err := lncli[struct{ State string }](n, to, "lookupinvoice", invoice.Hash)
	if err == nil && paid.State != "SETTLED" {
		err = fmt.Errorf("the invoice of node %d is %s", to, paid.State)
	}
	return err
}
