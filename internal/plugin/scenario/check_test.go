package scenario

import (
	"encoding/json"
	"strings"
	"testing"
)

// What earlier steps have printed may be nothing: an expectation of nothing would hold whatever the nodes answer.
func TestAnExpectationOfNothingIsRejected(t *testing.T) {
	const one = "00000000000000000000000000000000000000000000000000000000000000aa"
	values := Values{"tip": "", "pool": []any{}, "map": map[string]any{}, "id": one, "zero": "0s", "text": "x", "two": json.Number("2")}
	for step, want := range map[string]string{
		`expect: {best: "${tip}"}`:                                     `best is "", and has to be the hash`,
		`expect: {best: "${text}"}`:                                    `best is "x", and has to be the hash`,
		`expect: {best: "${id}"}`:                                      "",
		`expect: {mempool: {has: "${pool}"}}`:                          "the list of hashes is empty",
		`expect: {mempool: {lacks: ["${tip}"]}}`:                       `"" is not the hash`,
		`expect: {mempool: {has: ["${id}"]}}`:                          "",
		`expect: {chain: {has: ["${id}"], lacks: "${pool}"}}`:          "the list of hashes is empty",
		`expect: {chain: "${map}"}`:                                    "chain has nothing to check",
		`expect: {wallet: {confirmations: "${map}"}}`:                  "confirmations has no transaction",
		`expect: {wallet: {confirmations: {"${text}": 1}}}`:            `"x" is not the hash of a transaction`,
		`expect: {values: "${map}"}`:                                   "values has nothing to check",
		`expect: {conditions: {Ready: "${tip}"}}`:                      "the condition Ready has no value",
		`expect: {height: "!= ${text}"}`:                               `height is compared with "x"`,
		`expect: {height: "!= ${two}"}`:                                "",
		`{within: "${zero}", expect: {height: 1, holds: 5s}}`:          "within has to be longer",
		`{sleep: "${zero}"}`:                                           "",
		`command: {run: "${pool}"}`:                                    "command has no program",
		`command: "${tip}"`:                                            "command has no program",
		`cli: {arguments: "${pool}"}`:                                  "cli has no arguments",
		`miners: {every: 1s, shares: "${map}"}`:                        "miners has no shares",
		`miners: {every: 1s, shares: {"0": 1}, for: "${zero}"}`:        "for has to be more than 0s",
		`wait: {condition: "${tip}"}`:                                  "wait needs either",
		`stop: "${tip}"`:                                               "stop has no name",
		`{repeat: "${two}", miners: {every: 1s, shares: {"0": 1}}}`:    "repeat has no meaning",
		`{repeat: "${two}", traffic: {rate: 1/s, for: 1s}}`:            "",
		`{repeat: "${two}", link: {from: 0, to: 1, delay: "${zero}"}}`: "repeat has no meaning",
	} {
		s, err := Parse("x", []byte("version: 1\nparameters: {tip: x, pool: x, map: x, id: x, zero: x, text: x, two: x}\nsteps:\n- "+step+"\n"))
		if err != nil {
			t.Errorf("%s cannot be read: %v", step, err)
			continue
		}
		_, err = values.Resolve(&s.Steps[0])
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, and should give %q", step, err, want)
		}
	}
	for step, want := range map[string]string{
		`expect: {best: ""}`: "has to be the hash", `expect: {mempool: {}}`: "mempool has nothing to check", `expect: {chain: {has: []}}`: "the list of hashes is empty",
		`expect: {mempool: {lacks: [""]}}`: "is not the hash", `expect: {values: {}}`: "values has nothing to check", `stop: ""`: "stop has no name",
		`{repeat: 2, traffic: {rate: 1/s}}`: "repeat has no meaning", `{within: 10s, expect: {height: 1, holds: 30s}}`: "within has to be longer",
		`expect: {wallet: {name: x}}`: "wallet has nothing to check", `traffic: {for: 0s}`: "for has to be more than 0s",
	} {
		if _, err := Parse("x", []byte("version: 1\nsteps:\n- "+step+"\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is read with %v, and should be with %q", step, err, want)
		}
	}
}

func TestANumberIsNotComparedWithAText(t *testing.T) {
	c, err := ParseComparison("!= 0")
	if err != nil || c.Holds("unknown to the wallet") || !c.Holds("1") {
		t.Errorf("it holds for a text, or not for a number (%v)", err)
	}
}
