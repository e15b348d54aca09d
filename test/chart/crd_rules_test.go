package chart_test

import (
	"regexp"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// The limits of the API server, in k8s.io/apiserver/pkg/apis/cel.
const (
	perCallLimit = 1000000
	costBudget   = 10000000
)

// specChecker returns a function that validates the spec of a BitcoinNetwork, in YAML, as the API server does, and returns the errors.
func specChecker(t *testing.T) func(spec string) string {
	t.Helper()
	return specCheckerOf(t, bitcoinNetworks)
}

func specCheckerOf(t *testing.T, resource string) func(spec string) string {
	t.Helper()
	crd := readCRD(t, resource)
	structural, err := schema.NewStructural(crd.Spec.Validation.OpenAPIV3Schema)
	if err != nil {
		t.Fatal(err)
	}
	types, _, err := validation.NewSchemaValidator(crd.Spec.Validation.OpenAPIV3Schema)
	if err != nil {
		t.Fatal(err)
	}
	rules := cel.NewValidator(structural, true, perCallLimit)
	return func(spec string) string {
		t.Helper()
		var network map[string]any
		text := "{apiVersion: bitcoincontroller.christianb93.github.com/v1, kind: " + crd.Spec.Names.Kind + ", metadata: {name: tried}, spec: " + spec + "}"
		raw, err := yaml.YAMLToJSON([]byte(text))
		if err == nil {
			err = json.Unmarshal(raw, &network)
		}
		if err != nil {
			t.Fatalf("%s: %v", spec, err)
		}
		defaulting.Default(network, structural)
		errs := validation.ValidateCustomResource(nil, network, types)
		if len(errs) == 0 {
			errs, _ = rules.Validate(t.Context(), nil, structural, network, nil, costBudget)
		}
		return strings.ReplaceAll(errorText(errs), "\n", " ")
	}
}

func errorText(errs field.ErrorList) string {
	if err := errs.ToAggregate(); err != nil {
		return err.Error()
	}
	return ""
}

// checkSpecs compares what the API server answers with these texts, of which it must contain each one; "" for specs that it accepts.
func checkSpecs(t *testing.T, specs map[string]string) {
	t.Helper()
	checkSpecsOf(t, bitcoinNetworks, specs)
}

func checkSpecsOf(t *testing.T, resource string, specs map[string]string) {
	t.Helper()
	check := specCheckerOf(t, resource)
	for spec, want := range specs {
		if got := check(spec); got != want && (want == "" || !strings.Contains(got, want)) {
			t.Errorf("%s: got %q, want %q", spec, got, want)
		}
	}
}

func TestOptionsOfBitcoinConfAreChecked(t *testing.T) {
	const (
		words = " in config must be '1' or '0', because bitcoind takes every word, true and yes too, for 0"
		both  = "an option may be in config or in configLists, not in both"
	)
	checkSpecs(t, map[string]string{
		`{nodes: 1, config: {txindex: "1", listenonion: "0", server2: ""}}`:                                     "",
		`{nodes: 1, config: {uacomment: "on the road", debug: none}}`:                                           "",
		`{nodes: 1, config: {txindex: "true"}}`:                                                                 "spec.config: Invalid value: txindex" + words,
		`{nodes: 1, config: {dustdynamic: "off", uacomment: "yes", wallet: "on"}}`:                              "",
		`{nodes: 1, configLists: {uacomment: ["yes", "no"], dustdynamic: ["off"]}}`:                             "",
		`{nodes: 1, config: {txindex: "True"}}`:                                                                 words,
		`{nodes: 1, config: {txindex: " yes "}}`:                                                                words,
		`{nodes: 1, config: {txindex: "ON"}}`:                                                                   words,
		`{nodes: 1, config: {natpmp: "off"}}`:                                                                   words,
		`{nodes: 1, config: {natpmp: "no"}}`:                                                                    words,
		`{nodes: 1, config: {natpmp: "false"}}`:                                                                 words,
		`{nodes: 1, config: {nodebug: "enabled"}}`:                                                              words,
		`{nodes: 1, configLists: {txindex: ["true"]}}`:                                                          words,
		`{nodes: 1, groups: [{name: a, nodes: 1, config: {txindex: "true"}}]}`:                                  words,
		`{nodes: 1, groups: [{name: a, nodes: 1, configLists: {txindex: ["yes"]}}]}`:                            words,
		`{nodes: 1, config: {uacomment: "a # b"}}`:                                                              "may not contain '#'",
		`{nodes: 1, configLists: {debug: [net, mempool], uacomment: []}}`:                                       "",
		`{nodes: 1, configLists: {debug: net}}`:                                                                 "must be of type array",
		`{nodes: 1, configLists: {debug: [net], "-debug": [net]}}`:                                              "configLists must map names of bitcoin.conf options",
		`{nodes: 1, configLists: {debug: ["net\nrpcuser=mallory"]}}`:                                            "must be one line",
		`{nodes: 1, configLists: {debug: [net], rpcport: ["1"]}}`:                                               "configLists may not set rpcport, because the operator owns it",
		`{nodes: 1, groups: [{name: a, nodes: 1, configLists: {nolisten: ["1"]}}]}`:                             "configLists may not set nolisten, because the operator owns it",
		`{nodes: 1, configLists: {zmqpubrawtx: ["tcp://0.0.0.0:1"]}}`:                                           "configLists may not set the options zmqpub…: use spec.zmq",
		`{nodes: 1, config: {debug: net}, configLists: {debug: [mempool]}}`:                                     both,
		`{nodes: 1, groups: [{name: a, nodes: 1, config: {par: "1"}, configLists: {par: ["2"]}}]}`:              both,
		`{nodes: 1, config: {debug: net}, groups: [{name: a, nodes: 1, configLists: {debug: [mempool, net]}}]}`: "",
	})
}

// The ports of such an option could be those of another node of the pod.
func TestPublishersOfPodsWithSeveralNodesAreThoseOfZMQ(t *testing.T) {
	const (
		own   = "config may not set the options zmqpub… with nodesPerPod, because a port in them may be that of another node of the pod: use spec.zmq"
		group = "the config of a group may not set the options zmqpub… with nodesPerPod"
	)
	checkSpecs(t, map[string]string{
		`{nodes: 4, nodesPerPod: 2, config: {zmqpubrawtx: "tcp://0.0.0.0:28333"}}`:                                               own,
		`{nodes: 4, nodesPerPod: 2, config: {zmqpubrawtxhwm: "5"}}`:                                                              own,
		`{nodes: 4, nodesPerPod: 2, groups: [{name: a, nodes: 1}, {name: b, nodes: 1, config: {zmqpubrawtxhwm: "5"}}]}`:          group,
		`{nodes: 4, nodesPerPod: 2, zmq: {}, config: {txindex: "1"}, groups: [{name: a, nodes: 1, config: {par: "2"}}]}`:         "",
		`{nodes: 4, nodesPerPod: 1, config: {zmqpubrawtx: "tcp://0.0.0.0:28333"}}`:                                               "",
		`{nodes: 4, config: {zmqpubrawtx: "tcp://0.0.0.0:28333"}, groups: [{name: a, nodes: 1, config: {zmqpubrawtxhwm: "5"}}]}`: "",
	})
}

// ownedOption is a rule for one option that the operator owns.
var ownedOption = regexp.MustCompile(`!\('([a-z0-9]+)' in self\) && !\('no`)

// Each option that config rejects is rejected in configLists too, with its name.
func TestAnOptionThatTheOperatorOwnsIsRejectedInBothFields(t *testing.T) {
	check := specChecker(t)
	config := readCRD(t, bitcoinNetworks).Spec.Validation.OpenAPIV3Schema.Properties["spec"].Properties["config"]
	owned := 0
	for _, rule := range config.XValidations {
		match := ownedOption.FindStringSubmatch(rule.Rule)
		if match == nil {
			continue
		}
		owned++
		for _, name := range []string{match[1], "no" + match[1]} {
			for spec, want := range map[string]string{
				"{nodes: 1, config: {" + name + `: "1"}}`:        "config may not set " + match[1] + ", because the operator owns it",
				"{nodes: 1, configLists: {" + name + `: ["1"]}}`: "configLists may not set " + name + ", because the operator owns it",
			} {
				if got := check(spec); !strings.Contains(got, want) {
					t.Errorf("%s: got %q, want %q", spec, got, want)
				}
			}
		}
	}
	if owned < 40 {
		t.Errorf("only %d options have a rule", owned)
	}
}
