// Package rejections has specs that the API server rejects, with a part of its error, for the tests of the definitions: those in package
// chart with the code of the API server, in a second, and those in package apiserver with a real one.
package rejections

// Lightning maps specs of LightningNetworks, in YAML, to a part of the error.
var Lightning = map[string]string{
	`{nodes: 1}`:                                                          "spec.bitcoinNetwork: Required value",
	`{bitcoinNetwork: a}`:                                                 "spec.nodes: Required value",
	`{bitcoinNetwork: "", nodes: 1}`:                                      "should be at least 1 chars long",
	`{bitcoinNetwork: a, nodes: -1}`:                                      "should be greater than or equal to 0",
	`{bitcoinNetwork: a, nodes: 65}`:                                      "should be less than or equal to 64",
	`{bitcoinNetwork: a, nodes: three}`:                                   "must be of type integer",
	`{bitcoinNetwork: a, nodes: 1, image: "a b"}`:                         "image must be an image reference without white space",
	`{bitcoinNetwork: a, nodes: 1, alias: "a b"}`:                         "alias may have at most 28 characters, letters, digits, '-', '_' and '.'",
	`{bitcoinNetwork: a, nodes: 1, alias: abcdefghijklmnopqrstuvwxyzabc}`: "may not be more than 28 bytes",

	`{bitcoinNetwork: a, nodes: 2, channels: [{from: 1, to: 1, capacity: 20000}]}`:                                          "a channel must connect two different nodes, not a node with itself",
	`{bitcoinNetwork: a, nodes: 2, channels: [{from: 0, to: 2, capacity: 20000}]}`:                                          "channels names a node that does not exist",
	`{bitcoinNetwork: a, nodes: 2, channels: [{from: 0, to: 1, capacity: 20000, push: 20000}]}`:                             "push must be less than capacity",
	`{bitcoinNetwork: a, nodes: 2, channels: [{from: 0, to: 1, capacity: 19999}]}`:                                          "should be greater than or equal to 20000",
	`{bitcoinNetwork: a, nodes: 2, channels: [{from: 0, to: 1, capacity: 1000000001}]}`:                                     "should be less than or equal to 1000000000",
	`{bitcoinNetwork: a, nodes: 2, channels: [{from: 0, to: 1, capacity: 20000, push: -1}]}`:                                "should be greater than or equal to 0",
	`{bitcoinNetwork: a, nodes: 2, channels: [{from: 0, to: 1, capacity: 20000, count: 0}]}`:                                "should be greater than or equal to 1",
	`{bitcoinNetwork: a, nodes: 2, channels: [{from: 0, to: 1, capacity: 20000, count: 11}]}`:                               "should be less than or equal to 10",
	`{bitcoinNetwork: a, nodes: 2, channels: [{from: 0, to: 1}]}`:                                                           "capacity: Required value",
	`{bitcoinNetwork: a, nodes: 2, channels: [{to: 1, capacity: 20000}]}`:                                                   "from: Required value",
	`{bitcoinNetwork: a, nodes: 2, channels: [{from: 0, to: 1, capacity: 20000}], topology: {type: Ring, capacity: 20000}}`: "channels and topology exclude each other",

	`{bitcoinNetwork: a, nodes: 3, topology: {type: Ring}}`:                                 "capacity: Required value",
	`{bitcoinNetwork: a, nodes: 3, topology: {type: Custom, capacity: 20000}}`:              `Unsupported value: "Custom"`,
	`{bitcoinNetwork: a, nodes: 3, topology: {type: Ring, capacity: 20000, degree: 2}}`:     "topology.degree and topology.seed are allowed for type Random only",
	`{bitcoinNetwork: a, nodes: 3, topology: {type: Ring, capacity: 20000, push: 30000}}`:   "topology.push must be less than topology.capacity",
	`{bitcoinNetwork: a, nodes: 3, topology: {type: Random, capacity: 20000, degree: 3}}`:   "topology.degree must be smaller than the number of nodes",
	`{bitcoinNetwork: a, nodes: 33, topology: {type: Mesh, capacity: 20000}}`:               "a Mesh may have at most 32 nodes",
	`{bitcoinNetwork: a, nodes: 64, topology: {type: Random, capacity: 20000, degree: 16}}`: "a network may have at most 500 channels, half of nodes times topology.degree",
	`{bitcoinNetwork: a, nodes: 2, closeTimeout: soon}`:                                     "closeTimeout must be a duration of at least 1s",
	`{bitcoinNetwork: a, nodes: 2, closeTimeout: 10ms}`:                                     "closeTimeout must be a duration of at least 1s",
	`{bitcoinNetwork: a, nodes: 2, storage: {size: 100Mi}}`:                                 "storage.size must be at least 128Mi, because LND cannot write its channels to a full volume",
	`{bitcoinNetwork: a, nodes: 2, storage: {retentionPolicy: Forget}}`:                     `Unsupported value: "Forget"`,
	`{bitcoinNetwork: a, nodes: 2, resources: {limits: {memory: 383Mi}}}`:                   "resources.limits.memory must be at least 384Mi",
	`{bitcoinNetwork: a, nodes: 2, resources: {limits: {memory: 1000000}}}`:                 "resources.limits.memory must be at least 384Mi",
	`{bitcoinNetwork: a, nodes: 2, config: {rpclisten: "0.0.0.0:1"}}`:                       "config may not set rpclisten, because the operator owns it: it needs access of its own",
	`{bitcoinNetwork: a, nodes: 2, config: {bitcoind.rpchost: "x"}}`:                        "config may not set bitcoind.rpchost, because the operator owns it: it connects each node",
	`{bitcoinNetwork: a, nodes: 2, config: {bitcoin.mainnet: "true"}}`:                      "config may not set bitcoin.mainnet, because the operator owns it: it runs regtest networks only",
	`{bitcoinNetwork: a, nodes: 2, config: {debuglevel: info, datadir: "/tmp"}}`:            "config may not set datadir, because the operator owns it: it decides where LND keeps its files",
	`{bitcoinNetwork: a, nodes: 2, config: {addpeer: "x"}}`:                                 "config may not set addpeer, because the operator owns it: it connects the nodes",
	`{bitcoinNetwork: a, nodes: 2, config: {alias: "x"}}`:                                   "config may not set alias, because the nodes would have the same one: use spec.alias",
	`{bitcoinNetwork: a, nodes: 2, config: {Bitcoin.feerate: "10"}}`:                        "config must map names of lnd.conf options",
	`{bitcoinNetwork: a, nodes: 2, config: {b: "/tmp"}}`:                                    "config must map names of lnd.conf options",
	`{bitcoinNetwork: a, nodes: 2, config: {color: "x\nrpclisten=0.0.0.0:1"}}`:              "a value in config must be one line",
	`{bitcoinNetwork: a, nodes: 2, config: {bitcoin.feerate: 10}}`:                          "must be of type string",
}

// LightningAccepted are specs close to them.
var LightningAccepted = []string{
	`{bitcoinNetwork: a, nodes: 0}`, `{bitcoinNetwork: a, nodes: 64}`, `{bitcoinNetwork: a, nodes: 1, alias: A.b_c-1}`,
	`{bitcoinNetwork: a, nodes: 0, channels: [{from: 0, to: 63, capacity: 1000000000}]}`,
	`{bitcoinNetwork: a, nodes: 2, channels: [{from: 0, to: 1, capacity: 20000, push: 19999, count: 10, private: true}, {from: 0, to: 1, capacity: 30000}, {from: 1, to: 0, capacity: 20000}]}`,
	`{bitcoinNetwork: a, nodes: 1, topology: {type: Ring, capacity: 20000}}`, `{bitcoinNetwork: a, nodes: 32, topology: {type: Mesh, capacity: 20000}}`,
	`{bitcoinNetwork: a, nodes: 1, topology: {type: Star, capacity: 20000, push: 1}}`, `{bitcoinNetwork: a, nodes: 64, topology: {type: Random, capacity: 20000, degree: 15, seed: -5}}`,
	`{bitcoinNetwork: a, nodes: 0, topology: {type: Random, capacity: 20000, degree: 63}}`, `{bitcoinNetwork: a, nodes: 2, closeTimeout: 1m30s}`,
	`{bitcoinNetwork: a, nodes: 2, storage: {}}`, `{bitcoinNetwork: a, nodes: 2, resources: {limits: {memory: 384Mi}}}`,
	`{bitcoinNetwork: a, nodes: 2, resources: {requests: {memory: 64Mi}}}`, `{bitcoinNetwork: a, nodes: 2, resources: {limits: {cpu: 1}}}`,
	`{bitcoinNetwork: a, nodes: 2, config: {bitcoin.feerate: "10", debuglevel: "info,PEER=debug", color: "#3399FF"}}`,
}
