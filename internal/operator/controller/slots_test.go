package controller

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// callCounter counts the calls to fake nodes that run at the same time.
type callCounter struct {
	mu            sync.Mutex
	running, most int
}

// handle takes a millisecond for each call. A batch runs one call after the other.
func (c *callCounter) handle(method string, params []any) (any, error) {
	c.mu.Lock()
	c.running++
	c.most = max(c.most, c.running)
	c.mu.Unlock()
	time.Sleep(time.Millisecond)
	c.mu.Lock()
	c.running--
	c.mu.Unlock()
	return healthyNode(method, params)
}

// manyNodes are more nodes than a network has slots, each on a chain of another height.
func manyNodes(fake *fakeNodes, first int, h nodeHandler) []node {
	chains := make([]string, 3*maxCallsPerNetwork)
	for i := range chains {
		chains[i] = strings.Repeat("a", i+1)
	}
	nodes := withAddresses(onChains(chains...))
	for i := range nodes {
		nodes[i].pod.Status.PodIP = fmt.Sprintf("10.0.%d.%d", first, i)
		nodes[i].podName = fmt.Sprintf("net-sts-%d", i)
		if h != nil {
			fake.mu.Lock()
			fake.handlers[nodes[i].ip()] = h
			fake.mu.Unlock()
		}
	}
	return nodes
}

func TestTheCallsOfANetworkAreBounded(t *testing.T) {
	network := testNetwork(v1.BitcoinNetworkSpec{})
	for name, phase := range map[string]func(t *testing.T, c *nodeClient, nodes []node){
		"probes": func(t *testing.T, c *nodeClient, nodes []node) {
			c.probeNodes(t.Context(), network, newNetworkState(network), nodes)
		},
		"probes of two passes, between which the pods were replaced": func(t *testing.T, c *nodeClient, nodes []node) {
			state, half := newNetworkState(network), len(nodes)/2
			go c.probeNodes(t.Context(), network, state, nodes[:half])
			go c.probeNodes(t.Context(), network, state, nodes[half:])
		},
		"questions about chains": func(t *testing.T, c *nodeClient, nodes []node) {
			c.compareChains(t.Context(), network, newSlots(maxCallsPerNetwork), nodes)
		},
		"changes of connections": func(t *testing.T, c *nodeClient, nodes []node) {
			shared := newSharedState()
			for i := range nodes {
				shared.startProbe(nodes[i].process())
			}
			c.connect(t.Context(), network, shared, nodes, len(nodes), time.Now())
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				fake, counter := newFakeNodes(), &callCounter{}
				nodes := manyNodes(fake, 0, counter.handle)
				phase(t, fake.client(t), nodes)
				time.Sleep(time.Hour)
				synctest.Wait()
				if counter.most != maxCallsPerNetwork || counter.running != 0 {
					t.Errorf("%d calls ran at the same time, want %d; %d have not ended", counter.most, maxCallsPerNetwork, counter.running)
				}
			})
		})
	}
}

func TestTheCallsOfAllNetworksAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake, counter := newFakeNodes(), &callCounter{}
		client := fake.client(t)
		network := testNetwork(v1.BitcoinNetworkSpec{})
		for i := range 2 * maxCalls / maxCallsPerNetwork {
			go client.probeNodes(t.Context(), network, newNetworkState(network), manyNodes(fake, i, counter.handle))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if counter.most != maxCalls || counter.running != 0 {
			t.Errorf("%d calls ran at the same time, want %d; %d have not ended", counter.most, maxCalls, counter.running)
		}
	})
}

// One after the other, the calls to the nodes of a network that hang would take minutes.
func TestANetworkWhoseNodesHangDelaysNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		fake := newFakeNodes()
		client := fake.client(t)
		network := testNetwork(v1.BitcoinNetworkSpec{})
		go client.probeNodes(t.Context(), network, newNetworkState(network), manyNodes(fake, 1, nil))
		synctest.Wait()
		fake.answer(0, healthyNode)
		started := time.Now()
		nodes, _ := client.probeNodes(t.Context(), network, newNetworkState(network), withAddresses(onChains("")))
		if nodes[0].answer == nil || time.Since(started) > 0 {
			t.Errorf("answer %v, error %v after %s", nodes[0].answer, nodes[0].err, time.Since(started))
		}
	})
}
