package main

import (
	"strings"
	"testing"
)

const head = "run\trun\tcommand=test/bench/run.sh\tdate=2026-02-03\n"

func TestResultsThatAreNotUnderstoodAreNamedWithTheirLine(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a figure of no run":      {"figure\tnetwork-3\tvalue=1\n", "line 1: it belongs to no run"},
		"a figure without title":  {head + "figure\tnetworks\tvalue=1\n", "line 2: figures.go has no title of the figure networks"},
		"a value that is no one":  {head + "figure\tnetwork-3\tvalue=fast\n", `line 2: value of network-3 is no number: "fast"`},
		"a figure without value":  {head + "figure\tnetwork-3\trounds=3\n", `line 2: value of network-3 is no number: ""`},
		"a ratio that is no one":  {head + "figure\tnetwork-3\tvalue=1\treference=1\tratio=1\tratios=1,b\n", `line 2: a ratio of network-3 is no number: "b"`},
		"a ratio to nothing":      {head + "figure\tnetwork-3\tvalue=1\tratio=1\n", `line 2: reference of network-3 is no number: ""`},
		"a field without a value": {head + "figure\tnetwork-3\tvalue\n", `line 2: "value" is not NAME=VALUE`},
		"another kind of line":    {head + "note\tnetwork-3\n", `line 2: "note" is neither run, figure nor sample`},
		"a line without a key":    {"run\n", `line 1: "run" has no key`},
	} {
		t.Run(name, func(t *testing.T) {
			err := newResults().parse(test.text)
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestTheLastRunOfAFigureCounts(t *testing.T) {
	r := newResults()
	text := head + "figure\tnetwork-3\tvalue=2\nsample\tstart\tnodes=3\nsample\tstart\tnodes=10\n" +
		head + "figure\tnetwork-3\tvalue=1\nsample\tstart\tnodes=50\n"
	if err := r.parse(text); err != nil {
		t.Fatal(err)
	}
	if got := r.figures["network-3"].value; got != 1 {
		t.Errorf("the value is %g", got)
	}
	if got := r.series["start"].samples; len(got) != 1 || got[0]["nodes"] != "50" {
		t.Errorf("the samples are %v", got)
	}
	if got := r.used(); len(got) != 1 || got[0] != r.runs[1] {
		t.Errorf("%d runs are shown", len(got))
	}
}

func TestALimitHoldsForTheFigureOrForItsRatio(t *testing.T) {
	for name, test := range map[string]struct {
		key, line string
		want      string
	}{
		"at the limit":              {"network-3", "value=3\treference=2\tratio=1.50", "yes"},
		"beyond it":                 {"network-3", "value=3\treference=2\tratio=1.51", "**no**"},
		"a ratio that is missing":   {"network-3", "value=3", "**no**"},
		"both":                      {"killed-pod", "value=3.9\treference=3.9\tratio=1.00", "yes"},
		"one of two":                {"killed-pod", "value=3.9\treference=2\tratio=1.95", "yes, **no**"},
		"none of two":               {"killed-pod", "value=4.1\treference=2\tratio=2.05", "**no**, **no**"},
		"nothing at all is allowed": {"idle-writes", "value=0.00", "yes"},
		"nothing is allowed":        {"idle-writes", "value=0.01", "**no**"},
		"nothing is nearly met":     {"idle-writes", "value=0.0005", "**no**"},
		"hardly beyond it":          {"packed-100", "value=2.549\treference=10\tratio=0.255", "**no**"},
		"no limit":                  {"network-20", "value=3", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newResults()
			if err := r.parse(head + "figure\t" + test.key + "\t" + test.line + "\n"); err != nil {
				t.Fatal(err)
			}
			if got := r.figures[test.key].row()[5]; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestEveryDefinitionIsFoundByItsOwnKey(t *testing.T) {
	for _, d := range definitions {
		key := strings.Replace(d.key, "*", "7", 1)
		found, known := define(key)
		if !known || found.key != d.key || found.title != strings.Replace(d.title, "%s", "7", 1) {
			t.Errorf("%s has the definition %+v", key, found)
		}
		if !strings.Contains(frame, `{{table "`+d.section+`"}}`) {
			t.Errorf("the page has no section %s", d.section)
		}
	}
}

func TestQuantitiesHaveThreeDigits(t *testing.T) {
	for n, want := range map[float64]string{0: "0 s", 0.0005: "0.0005 s", 0.004: "0.004 s", 0.034: "0.03 s", 2.4: "2.40 s", 43.33: "43.3 s", 1755.4: "1755 s", 100: "100 s"} {
		if got := quantityText(n, "s"); got != want {
			t.Errorf("%g is %s, want %s", n, got, want)
		}
	}
}
