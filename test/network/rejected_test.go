//go:build e2e

package network

import (
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// rejected maps specs, in YAML, to a part of the API server's error.
var rejected = map[string]string{
	`{}`:                                  "spec.nodes: Required value",
	`{nodes: three}`:                      "must be of type integer",
	`{nodes: -1}`:                         "should be greater than or equal to 0",
	`{nodes: 501}`:                        "should be less than or equal to 500",
	`{nodes: 1, secret: "A B"}`:           "secret must be the name of a Secret",
	`{nodes: 1, image: "a b"}`:            "image must be an image reference without white space",
	`{nodes: 3, topology: {type: Torus}}`: `Unsupported value: "Torus"`,
	`{nodes: 3, topology: {type: Random, degree: 3}}`:                           "degree must be smaller than the number of nodes",
	`{nodes: 3, topology: {type: Random, degree: 0}}`:                           "should be greater than or equal to 1",
	`{nodes: 3, topology: {type: Ring, degree: 2}}`:                             "degree and topology.seed are allowed for type Random only",
	`{nodes: 3, topology: {type: Ring, seed: 2}}`:                               "degree and topology.seed are allowed for type Random only",
	`{nodes: 3, topology: {type: Ring, edges: [{from: 0, to: 1}]}}`:             "edges is allowed for type Custom only",
	`{nodes: 3, topology: {type: Custom, edges: [{from: 0, to: 3}]}}`:           "edges names a node that does not exist",
	`{nodes: 3, topology: {type: Custom, edges: [{from: -1, to: 1}]}}`:          "should be greater than or equal to 0",
	`{nodes: 3, topology: {type: Custom, edges: [{from: 1, to: 1}]}}`:           "an edge must connect two different nodes",
	`{nodes: 3, topology: {type: Custom, edges: [{from: 1}]}}`:                  "to: Required value",
	`{nodes: 4, partitions: [{nodes: [0, 1]}, {nodes: [1, 2]}]}`:                "partitions overlap",
	`{nodes: 4, partitions: [{nodes: [0, 1]}, {nodes: [0, 1]}]}`:                "partitions overlap",
	`{nodes: 4, partitions: [{nodes: [0, 4]}]}`:                                 "partitions names a node that does not exist",
	`{nodes: 4, partitions: [{nodes: []}]}`:                                     "should have at least 1 items",
	`{nodes: 4, partitions: [{nodes: [1, 1]}]}`:                                 "Duplicate value",
	`{nodes: 2, mining: {interval: soon}}`:                                      "mining.interval must be a duration of at least 1s",
	`{nodes: 2, mining: {interval: 10ms}}`:                                      "mining.interval must be a duration of at least 1s",
	`{nodes: 2, mining: {keepAlive: 1s}}`:                                       "mining.keepAlive must be a duration of at least 1m",
	`{nodes: 2, mining: {keepAlive: 1d}}`:                                       "mining.keepAlive must be a duration of at least 1m",
	`{nodes: 2, mining: {interval: 10s, keepAlive: 1h}}`:                        "mining.interval and mining.keepAlive exclude each other",
	`{nodes: 2, mining: {node: 2}}`:                                             "mining.node names a node that does not exist",
	`{nodes: 2, mining: {address: bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4}}`: "mining.address must be a regtest address",
	`{nodes: 2, storage: {size: much}}`:                                         "spec.storage.size",
	`{nodes: 2, storage: {size: "-1Gi"}}`:                                       "storage.size must be at least 128Mi",
	`{nodes: 2, storage: {size: 0}}`:                                            "storage.size must be at least 128Mi",
	`{nodes: 2, storage: {retentionPolicy: Forget}}`:                            `Unsupported value: "Forget"`,
	`{nodes: 2, config: {rpcport: "1"}}`:                                        "config may not set rpcport, because the operator owns it",
	`{nodes: 2, config: {nolisten: "1"}}`:                                       "config may not set listen, because the operator owns it",
	`{nodes: 2, config: {txindex: "true"}}`:                                     "txindex in config must be '1' or '0'",
	`{nodes: 2, config: {uacomment: "a#b"}}`:                                    "a value in config may not contain '#'",
	`{nodes: 2, config: {prune: "1"}}`:                                          "prune needs storage, or nodes that are not pruned",
	`{nodes: 2, configLists: {rpcport: ["1"]}}`:                                 "configLists may not set rpcport, because the operator owns it",
	`{nodes: 2, configLists: {debug: net}}`:                                     "must be of type array",
	`{nodes: 2, configLists: {debug: [net], -debug: [net]}}`:                    "configLists must map names of bitcoin.conf options",
	`{nodes: 2, configLists: {debug: [net]}, config: {debug: net}}`:             "an option may be in config or in configLists, not in both",
	`{nodes: 2, config: {-txindex: "1"}}`:                                       "config must map names of bitcoin.conf options",
	`{nodes: 2, config: {txindex: 1}}`:                                          "must be of type string",
	`{nodes: 2, config: {uacomment: "x\nrpcuser=mallory"}}`:                     "a value in config must be one line",
	`{nodes: 2, groups: [{name: a, nodes: 1}, {name: a, nodes: 2}]}`:            "groups has a name twice",
	`{nodes: 2, groups: [{name: A, nodes: 1}]}`:                                 "the name of a group may have small letters",
	`{nodes: 2, groups: [{nodes: 1}]}`:                                          "name: Required value",
	`{nodes: 300, groups: [{name: a, nodes: 201}]}`:                             "at most 500 nodes",
	`{nodes: 2, groups: [{name: a, nodes: 1, config: {port: "1"}}]}`:            "config may not set port",
	`{nodes: 2, expose: {type: ExternalName}}`:                                  `Unsupported value: "ExternalName"`,
	`{nodes: 2, expose: {perNode: true}}`:                                       "type: Required value",
	`{nodes: 2, colour: red}`:                                                   `unknown field "spec.colour"`,

	`{nodes: 2, zmq: {highWaterMark: 0}}`:                                                                      "should be greater than or equal to 1",
	`{nodes: 2, zmq: {}, config: {zmqpubrawtx: "tcp://0.0.0.0:28333"}}`:                                        "config may not set zmqpubrawtx together with spec.zmq",
	`{nodes: 2, zmq: {}, config: {nozmqpubrawtx: "1"}}`:                                                        "config may not set nozmqpubrawtx together with spec.zmq",
	`{nodes: 2, zmq: {}, groups: [{name: a, nodes: 1, config: {zmqpubrawtxhwm: "5"}}]}`:                        "the config of a group may not set the options zmqpub",
	`{nodes: 2, config: {zmqpubrawtx: "tcp://my-network-sts-0:28333"}}`:                                        "config sets zmqpubrawtx to an address that cannot be used",
	`{nodes: 2, config: {zmqpubrawtx: "tcp://0.0.0.0"}}`:                                                       "config sets zmqpubrawtx to an address that cannot be used",
	`{nodes: 2, config: {zmqpubrawtx: "tcp://0.0.0.0:65536"}}`:                                                 "config sets zmqpubrawtx to an address that cannot be used",
	`{nodes: 2, config: {zmqpubrawtx: "28333"}}`:                                                               "config sets zmqpubrawtx to an address that cannot be used",
	`{nodes: 2, config: {zmqpubrawtxhwm: many}}`:                                                               "a high-water mark of ZMQ in config (zmqpub…hwm) must be a number",
	`{nodes: 4, nodesPerPod: 2, config: {zmqpubrawtx: "tcp://0.0.0.0:28333"}}`:                                 "config may not set the options zmqpub… with nodesPerPod",
	`{nodes: 4, nodesPerPod: 2, groups: [{name: a, nodes: 1, config: {zmqpubhashtx: "tcp://0.0.0.0:28335"}}]}`: "the config of a group may not set the options zmqpub… with nodesPerPod",
	`{nodes: 2, groups: [{name: a, nodes: 1, config: {zmqpubhashtx: "tcp://0.0.0.0:x"}}]}`:                     "config sets zmqpubhashtx to an address that cannot be used",
}

// accepted are specs close to the rejected ones.
var accepted = []string{
	`{nodes: 3, secret: bitcoin-default-secret}`, `{nodes: 0}`, `{nodes: 500}`, `{nodes: 0, topology: {type: Random, degree: 3}}`,
	`{nodes: 4, topology: {type: Random, degree: 3, seed: -5}}`, `{nodes: 2, topology: {type: Random}}`,
	`{nodes: 2, groups: [{name: a, nodes: 2}], topology: {type: Custom, edges: [{from: 0, to: 3}]}}`,
	`{nodes: 4, partitions: [{nodes: [0, 1]}, {nodes: [2]}]}`, `{nodes: 2, mining: {}}`, `{nodes: 2, mining: {interval: 1m30s, node: 1}}`,
	`{nodes: 2, mining: {keepAlive: 1h, node: 1}}`,
	`{nodes: 2, mining: {address: bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080}}`, `{nodes: 2, storage: {}}`,
	`{nodes: 2, storage: {size: 500Mi}}`, `{nodes: 2, storage: {size: 1073741824}}`,
	`{nodes: 2, config: {txindex: "1", debug: net}}`, `{nodes: 2, expose: {type: NodePort, perNode: true}}`,
	`{nodes: 2, expose: {type: ClusterIP}}`, `{nodes: 2, expose: {type: ClusterIP, perNode: true}}`,
	`{nodes: 4, nodesPerPod: 4, zmq: {}, expose: {type: ClusterIP, perNode: true}}`,
	`{nodes: 2, zmq: {}}`, `{nodes: 2, zmq: {highWaterMark: 1}, config: {txindex: "1"}, groups: [{name: a, nodes: 1, config: {txindex: "0"}}]}`,
	`{nodes: 2, config: {zmqpubrawtx: "tcp://0.0.0.0:1", zmqpubrawblock: "tcp://[::]:65535", zmqpubhashtx: "tcp://*:28332", zmqpubsequence: "tcp://127.0.0.1:28333", zmqpubrawtxhwm: "0"}}`, `{nodes: 2, config: {zmqpubrawtx: "tcp://localhost:28333"}}`,
	`{nodes: 2, storage: {size: 128Mi}}`, `{nodes: 2, configLists: {debug: [net, mempool]}}`,
	`{nodes: 2, config: {prune: "1"}, storage: {}}`, `{nodes: 2, config: {prune: "1"}, groups: [{name: a, nodes: 1, config: {prune: "0"}}]}`,
}

func TestTheAPIServerRejectsInvalidSpecs(t *testing.T) {
	env := newEnv(t, 0)
	try := func(t *testing.T, name, spec string) error {
		t.Helper()
		object := &unstructured.Unstructured{Object: map[string]any{}}
		text := "{apiVersion: bitcoincontroller.christianb93.github.com/v1, kind: BitcoinNetwork, metadata: {name: " + name + "}, spec: " + spec + "}"
		if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
			t.Fatal(err)
		}
		_, err := dynamic.NewForConfigOrDie(cluster.Config).Resource(v1.SchemeGroupVersion.WithResource("bitcoinnetworks")).Namespace(env.namespace).
			Create(t.Context(), object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
		return err
	}
	for spec, words := range rejected {
		if err := try(t, "tried", spec); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: got %v, want an error with %q", spec, err, words)
		}
	}
	for _, spec := range accepted {
		if err := try(t, "tried", spec); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
	for _, name := range []string{"1st", "a.b", strings.Repeat("a", 41)} {
		if err := try(t, name, `{nodes: 1}`); err == nil || !strings.Contains(err.Error(), "the name of a network may have at most 40 characters") {
			t.Errorf("name %s: %v", name, err)
		}
	}
}

// A pod's label has the name of its StatefulSet and a revision.
func TestTheNamesOfNetworkAndGroupFitInALabel(t *testing.T) {
	env := newEnv(t, 0)
	for length, want := range map[int]string{35: "", 36: "at most 47 characters together"} {
		n := network(strings.Repeat("n", length), 0)
		n.Spec.Groups = []v1.Group{{Name: "twelvetwelve", Nodes: 0}}
		_, err := cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).Create(t.Context(), n, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("a network with a name of %d characters: %v", length, err)
		}
	}
}

func TestStorageCannotBeChanged(t *testing.T) {
	env := newEnv(t, 0)
	n := network("fixed", 0)
	n.Spec.Storage = &v1.Storage{}
	env.create(n)
	for name, change := range map[string]func(*v1.BitcoinNetworkSpec){
		"removed": func(s *v1.BitcoinNetworkSpec) { s.Storage = nil },
		"changed": func(s *v1.BitcoinNetworkSpec) { s.Storage.RetentionPolicy = v1.RetentionRetain },
	} {
		var err error
		env.eventually("an answer other than a conflict with a write of the status", 10*time.Second, func() error {
			fixed := env.get("fixed")
			change(&fixed.Spec)
			_, err = cluster.Networks.BitcoincontrollerV1().BitcoinNetworks(env.namespace).Update(t.Context(), fixed, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
			if apierrors.IsConflict(err) {
				return err
			}
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "storage cannot be changed") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
