package apiserver_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// life is that of a network under an operator as its command line sets it up, which begins when the operator has sent the requests to follow
// what it needs. The requests are those from its start on.
func life(t *testing.T, follows map[string]int, flags ...string) []apiserver.Request {
	t.Helper()
	ns := apiserver.NewNamespace(t)
	// Of two readers that find no Secret at the same time, one reads once more.
	if _, err := credentials.ReadMasterKeys(t.Context(), ns.Clients, ns.Name, masterKeySecret); err != nil {
		t.Fatal(err)
	}
	op := ns.StartProgram(apiserver.ProgramOptions{Flags: append(flags, "--poll-interval", fast.String())})
	testtools.Eventually(t, "the operator to follow what it needs", apiserver.Limit, func() error {
		sent := kinds(op.API.Requests(apiserver.On("watch", "")))
		for kind, count := range follows {
			if sent[kind] < count {
				return fmt.Errorf("%s was sent %d times", kind, sent[kind])
			}
		}
		return nil
	})
	net := ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 3})
	net.WaitReady()
	net.Update(func(n *v1.BitcoinNetwork) { n.Spec.Nodes = 4 })
	net.WaitReady()
	waitIdle(t, func() []apiserver.Request { return op.API.Requests(apiserver.On("", "")) }, func() { waitForPasses(net, 10) })
	if err := ns.Client.Delete(t.Context(), net.Get()); err != nil {
		t.Fatal(err)
	}
	net.Wait("its pods to be gone", func() error {
		if len(net.Pods()) > 0 {
			return errors.New("some exist")
		}
		return nil
	})
	op.Stop()
	requests := op.API.Requests(apiserver.On("", ""))
	for i := range requests {
		// The name of the namespace is that of the test.
		requests[i].URI, requests[i].Body = strings.ReplaceAll(requests[i].URI, ns.Name, "ns"), strings.ReplaceAll(requests[i].Body, ns.Name, "ns")
	}
	return requests
}

// kinds are the requests by what they do. Reads are counted, as the operator reads at its start and has a cache then; how many writes a
// change of the status takes is a matter of time.
func kinds(requests []apiserver.Request) map[string]int {
	counts := map[string]int{}
	for _, r := range requests {
		switch {
		case r.Resource == "":
			counts["get "+r.URI]++
		case r.Resource == "events":
			counts["events"] = 1
		case r.Write():
			counts[r.String()] = 1
		default:
			counts[r.String()]++
		}
	}
	return counts
}

// The real command line, so that what it passes to the controllers counts too.
func TestWithoutLightningNetworksTheOperatorSendsTheSameRequests(t *testing.T) {
	t.Parallel()
	off := life(t, map[string]int{"watch bitcoinnetworks": 1, "watch secrets": 1})
	on := life(t, map[string]int{"watch bitcoinnetworks": 1, "watch secrets": 2, "watch lightningnetworks": 1}, "--lightning-image", apiserver.LightningImage)
	for _, r := range off {
		if strings.Contains(strings.ToLower(r.URI+r.Body), "lightning") {
			t.Errorf("without --lightning-image it sends %s: %s %.1000q", r, r.URI, r.Body)
		}
	}
	want := kinds(off)
	for kind, count := range map[string]int{
		"list lightningnetworks":         1, // whether the definition exists
		"watch lightningnetworks":        1,
		"watch secrets":                  1, // the master key once more: each controller follows it by itself
		"get secrets " + masterKeySecret: 1,
	} {
		want[kind] += count
	}
	if diff := cmp.Diff(want, kinds(on)); diff != "" {
		t.Errorf("with --lightning-image (+) it sends other requests than (-):\n%s", diff)
	}
}

// masterKeySecret is the default of the command line.
const masterKeySecret = "bitcoin-controller-master-key"
