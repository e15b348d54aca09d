package resources

import (
	"os"
	"regexp"
	"strings"
	"testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The definition of the resource rejects these. What got past it changes nothing.
func TestOptionsOfTheSpecDoNotReplaceThoseOfTheOperator(t *testing.T) {
	n := lightning(func(s *v1.LightningNetworkSpec) {
		s.Config = v1.LightningConfig{"rpclisten": "0.0.0.0:1", "alias": "one", "debuglevel": "warn", "color": "#3399FF"}
	})
	text := render(n)
	for _, line := range []string{"rpclisten=0.0.0.0:10009", "alias=my-lightning-$(ORDINAL)", "debuglevel=warn", "color=#3399FF"} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
	for _, option := range []string{"rpclisten", "alias", "debuglevel"} {
		if strings.Count(text, "\n"+option+"=") != 1 {
			t.Errorf("%s does not occur once in\n%s", option, text)
		}
	}
}

// documentedDefaults are the options in the table of docs/lightning.md.
func documentedDefaults(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/lightning.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| option | value | what it means |\n|---|---|---|\n")
	if !found {
		t.Fatal("docs/lightning.md has no table of the options")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	row := regexp.MustCompile("^\\| `([^`]+)` \\| `([^`]+)` \\|")
	defaults := map[string]string{}
	for line := range strings.SplitSeq(table, "\n") {
		cells := row.FindStringSubmatch(line)
		if cells == nil {
			t.Fatalf("a row of docs/lightning.md has no option and value: %s", line)
		}
		defaults[cells[1]] = cells[2]
	}
	return defaults
}

func TestTheDefaultsAreDocumented(t *testing.T) {
	documented := documentedDefaults(t)
	for option, value := range defaultOptions {
		if documented[option] != value {
			t.Errorf("docs/lightning.md has %q for %s, and the default is %s", documented[option], option, value)
		}
	}
	for option := range documented {
		if _, found := defaultOptions[option]; !found {
			t.Errorf("docs/lightning.md has %s, which is no default", option)
		}
	}
}

func TestNoDefaultIsAnOptionOfTheOperator(t *testing.T) {
	for option := range ownedOptions(lightning(func(*v1.LightningNetworkSpec) {})) {
		if _, found := defaultOptions[option]; found {
			t.Errorf("%s is both", option)
		}
	}
}
