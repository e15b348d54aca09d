//go:build e2e

package network

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lightninglabs/gozmq"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A subscriber gets blocks through the Service of a node, also after the pod was replaced, since the address of the Service
// stays. The client is that of LND, which connects again to the address that it had resolved first.
func TestASubscriberGetsTheBlocksOfANodeThroughItsService(t *testing.T) {
	skipIfShort(t)
	testtools.Docker(t)
	packings(t, func(t *testing.T, perPod int) {
		nodes := sized(perPod, 2, 5)
		env := newPackedEnv(t, nodes, perPod)
		n := network("zmq", nodes)
		n.Spec.ZMQ, n.Spec.Expose = &v1.ZMQ{}, &v1.Expose{Type: v1.ExposeClusterIP, PerNode: true}
		env.create(n)
		env.ready("zmq", readyTimeout)
		for i := range nodes {
			env.publishesEverything(env.node("zmq", i))
			env.servesItsNode(env.node("zmq", i))
		}
		node := env.node("zmq", nodes-2)
		service := env.service(serviceOf(node))
		if service.Spec.Type != corev1.ServiceTypeClusterIP || slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.NodePort != 0 }) {
			t.Errorf("the Service has ports of cluster nodes: %+v", service.Spec)
		}
		blocks := env.subscribe("rawblock", env.relay(node, service.Spec.ClusterIP, v1.ZMQRawBlockPort))
		env.publishesABlock(node, blocks)
		env.replace("zmq", node)
		env.publishesABlock(node, blocks)
		if after := env.service(serviceOf(node)); after.UID != service.UID || after.Spec.ClusterIP != service.Spec.ClusterIP {
			t.Errorf("the Service had the address %s, and has %s", service.Spec.ClusterIP, after.Spec.ClusterIP)
		}
	})
}

// servesItsNode calls a node through its Service, with the cookie of the node, which no other one accepts.
func (env *testEnv) servesItsNode(node string) {
	env.Helper()
	// A cluster node forwards to a Service some time after its pods are ready.
	env.eventually("an answer of "+node+" through its Service", time.Minute, func() error {
		_, err := env.cliWith(node, "", "-rpcconnect="+env.service(serviceOf(node)).Spec.ClusterIP, fmt.Sprintf("-rpcport=%d", v1.RPCPort), "getblockcount")
		return err
	})
}

// bitcoind does not report an address that it cannot use: 0.0.0.0 and * are one, and cannot be bound twice.
func TestMissingPublishersAreReported(t *testing.T) {
	skipIfShort(t)
	env := newEnv(t, 1)
	n := network("mute", 1)
	n.Spec.Config = v1.Config{"zmqpubrawblock": "tcp://0.0.0.0:28332", "zmqpubrawtx": "tcp://*:28332"}
	env.create(n)
	env.eventually("the condition to report the publishers", readyTimeout, func() error {
		stalled := meta.FindStatusCondition(env.get("mute").Status.Conditions, v1.ConditionStalled)
		if stalled == nil || stalled.Status != metav1.ConditionTrue || stalled.Reason != v1.ReasonPublishersMissing || !strings.Contains(stalled.Message, "pubrawtx at tcp://*:28332") {
			return fmt.Errorf("the condition is %v", stalled)
		}
		return nil
	})
	env.change("mute", func(spec *v1.BitcoinNetworkSpec) { spec.Config, spec.ZMQ = nil, &v1.ZMQ{} })
	env.ready("mute", readyTimeout)
	env.publishesEverything("mute-sts-0")
	// The types of a Service can be changed: the API server releases the ports of the cluster nodes.
	env.change("mute", func(spec *v1.BitcoinNetworkSpec) { spec.Expose = &v1.Expose{Type: v1.ExposeNodePort} })
	env.serviceBecomes("mute-expose", corev1.ServiceTypeNodePort)
	env.change("mute", func(spec *v1.BitcoinNetworkSpec) { spec.Expose.Type = v1.ExposeClusterIP })
	env.serviceBecomes("mute-expose", corev1.ServiceTypeClusterIP)
}

// serviceBecomes waits for the type of a Service, and checks its ports.
func (env *testEnv) serviceBecomes(name string, want corev1.ServiceType) {
	env.Helper()
	env.eventually(fmt.Sprintf("%s to be of type %s, with all ports", name, want), time.Minute, func() error {
		spec := env.service(name).Spec
		if spec.Type != want || len(spec.Ports) != 7 || spec.ClusterIP == "" {
			return fmt.Errorf("it is %+v", spec)
		}
		for _, port := range spec.Ports {
			if (port.NodePort != 0) != (want == corev1.ServiceTypeNodePort) {
				return fmt.Errorf("port %+v", port)
			}
		}
		return nil
	})
}

func (env *testEnv) service(name string) *corev1.Service {
	env.Helper()
	var service *corev1.Service
	env.eventually("Service "+name+" to exist", time.Minute, func() (err error) {
		service, err = cluster.Core.CoreV1().Services(env.namespace).Get(env.Context(), name, metav1.GetOptions{})
		return err
	})
	return service
}

// publishesEverything checks that a node has a publisher for each topic, at the address of its pod and at loopback.
func (env *testEnv) publishesEverything(node string) {
	env.Helper()
	place := noderef.At(node)
	p, err := cluster.Core.CoreV1().Pods(env.namespace).Get(env.Context(), place.Pod, metav1.GetOptions{})
	if err != nil {
		env.Fatal(err)
	}
	type publisher struct {
		Type, Address string
		HWM           int
	}
	got, err := ask[[]publisher](env, node, "getzmqnotifications")
	if err != nil {
		env.Fatal(err)
	}
	for topic, port := range map[string]int32{"rawblock": 28332, "rawtx": 28333, "hashblock": 28334, "hashtx": 28335, "sequence": 28336} {
		for _, host := range []string{p.Status.PodIP, "127.0.0.1"} {
			if want := (publisher{"pub" + topic, fmt.Sprintf("tcp://%s:%d", host, place.Port(port)), v1.DefaultZMQHighWaterMark}); !slices.Contains(got, want) {
				env.Errorf("%s has no publisher %+v, but %+v", node, want, got)
			}
		}
	}
}

// publishesABlock mines on a node until a subscriber has got one of its blocks: a subscription takes a moment, and misses what is
// published before.
func (env *testEnv) publishesABlock(node string, blocks <-chan [][]byte) {
	env.Helper()
	env.eventually("a mined block to reach the subscriber", time.Minute, func() error {
		env.mineAt(node, "1")
		select {
		case parts := <-blocks:
			return env.isBlock(node, parts)
		case <-time.After(3 * time.Second):
			return errors.New("no message came")
		}
	})
}

// isBlock checks that a message has a block of the node's chain.
func (env *testEnv) isBlock(node string, parts [][]byte) error {
	if len(parts) != 3 || string(parts[0]) != "rawblock" || len(parts[1]) < 80 || len(parts[2]) != 4 {
		return fmt.Errorf("the message has the parts %x", parts)
	}
	first := sha256.Sum256(parts[1][:80])
	hash := sha256.Sum256(first[:])
	slices.Reverse(hash[:])
	block, err := env.cli(node, "getblock", hex.EncodeToString(hash[:]), "0")
	if err == nil && block != hex.EncodeToString(parts[1]) {
		err = fmt.Errorf("the block is %x, and the node has %s", parts[1], block)
	}
	return err
}

// subscribe returns the messages of a publisher.
func (env *testEnv) subscribe(topic, address string) <-chan [][]byte {
	env.Helper()
	var subscriber *gozmq.Conn
	// A cluster node forwards to a Service some time after its pods are ready.
	env.eventually("a subscription at "+address, time.Minute, func() (err error) {
		subscriber, err = gozmq.Subscribe(address, []string{topic}, 5*time.Second)
		return err
	})
	env.Cleanup(func() { subscriber.Close() })
	messages := make(chan [][]byte, 100)
	go func() {
		for {
			parts, err := subscriber.Receive(nil)
			var timeout net.Error
			switch {
			case err == nil:
				messages <- parts
			case errors.As(err, &timeout) && timeout.Timeout() && env.Context().Err() == nil: // it connects again
			default:
				return
			}
		}
	}()
	return messages
}

// relay returns a local address that leads to one in the cluster, by way of the cluster node of a node, which is a container of Docker's.
func (env *testEnv) relay(node, host string, port int32) string {
	env.Helper()
	p, err := cluster.Core.CoreV1().Pods(env.namespace).Get(env.Context(), podOf(node), metav1.GetOptions{})
	if err != nil {
		env.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(env.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		env.Fatal(err)
	}
	env.Cleanup(func() { listener.Close() })
	target := "TCP:" + net.JoinHostPort(host, fmt.Sprint(port))
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go forward(env.Context(), conn, "docker", "exec", "-i", p.Spec.NodeName, "socat", "-", target)
		}
	}()
	return listener.Addr().String()
}

// forward connects a connection with a command, until one of both ends. As the command's own Stdin, the connection would keep the
// command from ending first.
func forward(ctx context.Context, conn net.Conn, command string, args ...string) {
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	forwarding := exec.CommandContext(ctx, command, args...)
	forwarding.Stdout = conn
	input, err := forwarding.StdinPipe()
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(input, conn)
		input.Close()
	}()
	_ = forwarding.Run()
}
