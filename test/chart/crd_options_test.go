package chart_test

import "testing"

func TestPrunedNodesNeedStorageOrOthers(t *testing.T) {
	const (
		noChain = "prune needs storage, or nodes that are not pruned"
	)
	checkSpecs(t, map[string]string{
		`{nodes: 1, config: {prune: "1"}}`: noChain,
		`{nodes: 1, config: {prune: "550"}, groups: [{name: a, nodes: 1, config: {txindex: "0"}}]}`: noChain,
		`{nodes: 1, config: {prune: "550"}, groups: [{name: a, nodes: 0, config: {prune: "0"}}]}`:   noChain,
		`{nodes: 1, config: {prune: "550"}, groups: [{name: a, nodes: 1, config: {prune: "0"}}]}`:   "",
		`{nodes: 1, config: {prune: "550"}, storage: {}}`:                                           "",
		`{nodes: 1, config: {prune: "0"}}`:                                                          "",
		`{nodes: 1, groups: [{name: a, nodes: 1, config: {prune: "550"}}]}`:                         "",
		`{nodes: 1, configLists: {prune: ["550"]}}`:                                                 noChain,
		`{nodes: 1, configLists: {prune: ["550", "0"]}}`:                                            noChain,
		`{nodes: 1, configLists: {prune: ["0"]}}`:                                                   "",
		`{nodes: 1, configLists: {prune: []}}`:                                                      "",
		`{nodes: 1, configLists: {prune: ["550"]}, storage: {}}`:                                    "",
		`{nodes: 0, groups: [{name: a, nodes: 1, config: {prune: "550"}}]}`:                         noChain,
		`{nodes: 0, groups: [{name: a, nodes: 1, configLists: {prune: ["550"]}}]}`:                  noChain,
		`{nodes: 0, groups: [{name: a, nodes: 1, config: {prune: "550"}}, {name: b, nodes: 1}]}`:    "",
		`{nodes: 0, groups: [{name: a, nodes: 0, config: {prune: "550"}}]}`:                         "",
		`{nodes: 0}`: "",
		`{nodes: 1, config: {prune: "550"}, groups: [{name: a, nodes: 1, configLists: {prune: ["0"]}}]}`:        "",
		`{nodes: 1, configLists: {prune: ["550"]}, groups: [{name: a, nodes: 1, configLists: {prune: []}}]}`:    "",
		`{nodes: 1, configLists: {prune: ["550"]}, groups: [{name: a, nodes: 1, configLists: {prune: ["1"]}}]}`: noChain,
	})
}

func TestNumbersOfBitcoinConfAreChecked(t *testing.T) {
	const (
		numbers  = " in config must be a whole number without a unit, because bitcoind reads other text as 0, or as the digits before it"
		atLeast1 = " in config must be at least 1, because bitcoind replaces 0 and less with another value"
	)
	checkSpecs(t, map[string]string{
		`{nodes: 1, config: {dbcache: many}}`:                                "spec.config: Invalid value: dbcache" + numbers,
		`{nodes: 1, config: {par: auto}}`:                                    "par" + numbers,
		`{nodes: 1, config: {maxmempool: 300MB}}`:                            "maxmempool" + numbers,
		`{nodes: 1, config: {keypool: ""}}`:                                  "keypool" + numbers,
		`{nodes: 1, config: {timeout: 1s}}`:                                  "timeout" + numbers,
		`{nodes: 1, config: {stopatheight: "1.5"}}`:                          "stopatheight" + numbers,
		`{nodes: 1, config: {rpcthreads: "0"}}`:                              "rpcthreads" + atLeast1,
		`{nodes: 1, config: {timeout: "-1"}}`:                                "timeout" + atLeast1,
		`{nodes: 1, configLists: {dbcache: ["4", few]}}`:                     "dbcache" + numbers,
		`{nodes: 1, configLists: {rpcworkqueue: ["00"]}}`:                    "rpcworkqueue" + atLeast1,
		`{nodes: 1, groups: [{name: a, nodes: 1, config: {dbcache: many}}]}`: "dbcache" + numbers,
		`{nodes: 1, config: {dbcache: "0", par: "-1", rpcthreads: " 8 ", maxtipage: "3153600000", maxuploadtarget: 500M, fallbackfee: "0.0001"}}`: "",
	})
}

func TestAVolumeHasRoomForAChain(t *testing.T) {
	const (
		tooSmall = "storage.size must be at least 128Mi, because bitcoind does not start with less than 50 MB of free space"
	)
	checkSpecs(t, map[string]string{
		`{nodes: 1, storage: {size: 50Mi}}`:       tooSmall,
		`{nodes: 1, storage: {size: 127Mi}}`:      tooSmall,
		`{nodes: 1, storage: {size: 0}}`:          tooSmall,
		`{nodes: 1, storage: {size: "-1Gi"}}`:     tooSmall,
		`{nodes: 1, storage: {size: 1000000}}`:    tooSmall,
		`{nodes: 1, storage: {size: 128Mi}}`:      "",
		`{nodes: 1, storage: {size: 1073741824}}`: "",
	})
}
