package resources

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// AnnotationPublishers in a pod template has the ZMQ publishers that bitcoind is configured with, so that a pod is compared with its own
// configuration, also while another one is rolled out.
const AnnotationPublishers = v1.GroupName + "/zmq-publishers"

// zmqTopics are the topics of bitcoind's publishers, and the ports that spec.zmq gives them.
var zmqTopics = []nodePort{
	{"rawblock", v1.ZMQRawBlockPort}, {"rawtx", v1.ZMQRawTxPort}, {"hashblock", v1.ZMQHashBlockPort}, {"hashtx", v1.ZMQHashTxPort},
	{"sequence", v1.ZMQSequencePort},
}

// zmqArguments are the arguments of bitcoind for spec.zmq. Like RPC, a publisher is bound to the pod's address and to loopback, since
// no constant fits both IPv4 and IPv6. Loopback, for port-forward, is in bitcoin.conf.
func zmqArguments(zmq *v1.ZMQ, podIPVariable string) []string {
	if zmq == nil {
		return nil
	}
	arguments := make([]string, len(zmqTopics))
	for i, topic := range zmqTopics {
		arguments[i] = fmt.Sprintf("-zmqpub%s=%s", topic.name, zmqAddress("$("+podIPVariable+")", topic.port))
	}
	return arguments
}

// zmqOptions are the options of bitcoin.conf for spec.zmq, with the addresses that arguments have otherwise for a pod with several nodes.
func zmqOptions(zmq *v1.ZMQ, packed bool) map[string][]string {
	options := map[string][]string{}
	if zmq == nil {
		return options
	}
	for _, topic := range zmqTopics {
		options["zmqpub"+topic.name] = []string{zmqAddress("127.0.0.1", topic.port)}
		if packed {
			options["zmqpub"+topic.name] = append(options["zmqpub"+topic.name], zmqAddress(api.PodIP, topic.port))
		}
		options["zmqpub"+topic.name+"hwm"] = []string{fmt.Sprint(ptr.Deref(zmq.HighWaterMark, v1.DefaultZMQHighWaterMark))}
	}
	return options
}

// zmqAddress takes IPv6 addresses without brackets: ZMQ separates the port at the last colon.
func zmqAddress(host string, port int32) string { return fmt.Sprintf("tcp://%s:%d", host, port) }

// zmqPorts are the ports of spec.zmq, for Services and containers.
func zmqPorts(zmq *v1.ZMQ) []nodePort {
	if zmq == nil {
		return nil
	}
	list := make([]nodePort, len(zmqTopics))
	for i, topic := range zmqTopics {
		list[i] = nodePort{"zmq-" + topic.name, topic.port}
	}
	return list
}

// publishersOf returns the publishers that a group's nodes have by spec.zmq or by their configuration: lines such as
// "rawblock=tcp://0.0.0.0:28332"; "" for none.
func publishersOf(zmq *v1.ZMQ, options map[string][]string) string {
	var lines []string
	for _, topic := range zmqTopics {
		if zmq != nil {
			lines = append(lines, topic.name+"="+zmqAddress("$("+podIP+")", topic.port))
		} else if addresses := options["zmqpub"+topic.name]; len(addresses) > 0 && addresses[0] != "" {
			lines = append(lines, topic.name+"="+addresses[0])
		}
	}
	return strings.Join(lines, "\n")
}

// Publishers returns the ZMQ publishers that the bitcoind of a pod is configured with.
func Publishers(pod *corev1.Pod) []bitcoind.Publisher {
	var list []bitcoind.Publisher
	for line := range strings.Lines(pod.Annotations[AnnotationPublishers]) {
		if topic, address, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			list = append(list, bitcoind.Publisher{Type: "pub" + topic, Address: strings.ReplaceAll(address, "$("+podIP+")", pod.Status.PodIP)})
		}
	}
	return list
}

// podAnnotations are the annotations of a group's pod template. Nodes of an earlier release do not allow the operator to list the
// publishers of their options zmqpub….
func podAnnotations(network *v1.BitcoinNetwork, group Group, configHash string, earlier bool) map[string]string {
	annotations := map[string]string{AnnotationConfigHash: configHash}
	if earlier && network.Spec.ZMQ == nil {
		return annotations
	}
	if publishers := publishersOf(network.Spec.ZMQ, group.Options); publishers != "" {
		annotations[AnnotationPublishers] = publishers
	}
	return annotations
}
