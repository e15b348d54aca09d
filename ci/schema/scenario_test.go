package main

import (
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
)

func TestTheSchemaOfScenariosAcceptsTheReadyOnesAndFindsMistakes(t *testing.T) {
	inRoot(t)
	text, err := buildScenario()
	if err != nil {
		t.Fatal(err)
	}
	schema := compile(t, scenarioID, text)
	check := func(file string) error { return validate(t, schema, file) }
	for _, name := range scenario.Ready() {
		file, _ := scenario.Open(name)
		if err := check(string(file)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	const valid = "version: 1\nnetwork: {spec: {nodes: \"${n}\", topology: {type: Ring}}}\nsteps:\n- wait: Ready\n- heal:\n- expect: {height: 3}\n  within: 5s\n"
	if err := check(valid); err != nil {
		t.Error(err)
	}
	for from, to := range map[string]string{
		"wait:": "wiat:", "height:": "heigth:", "Ring": "Torus", "nodes:": "node:", "5s": "5", "version: 1\n": "", "- heal:": "- heal:\n  sleep: 1s",
	} {
		if check(strings.Replace(valid, from, to, 1)) == nil {
			t.Errorf("%q instead of %q is no mistake", to, from)
		}
	}
}
