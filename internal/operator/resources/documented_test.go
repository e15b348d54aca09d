package resources

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// documentedDefaults are the options in the table of docs/networks.md, with the values that are numbers or words of bitcoin.conf. One
// value for several options is that of each.
func documentedDefaults(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/networks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| option | value | what it means |\n|---|---|---|\n")
	if !found {
		t.Fatal("docs/networks.md has no table of the options")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	quoted := regexp.MustCompile("`([^`]+)`")
	defaults := map[string]string{}
	for row := range strings.SplitSeq(table, "\n") {
		cells := strings.Split(row, "|")
		values := quoted.FindAllStringSubmatch(cells[2], -1)
		for i, option := range quoted.FindAllStringSubmatch(cells[1], -1) {
			defaults[option[1]] = ""
			if len(values) > 0 {
				defaults[option[1]] = values[min(i, len(values)-1)][1]
			}
		}
	}
	return defaults
}

func TestTheDefaultsAreDocumented(t *testing.T) {
	documented := documentedDefaults(t)
	defaults := bitcoinConf{}.defaults()
	for option, values := range defaults {
		if got, found := documented[option]; !found || got != values[0] && got != "" {
			t.Errorf("docs/networks.md has %q for %s, and the default is %s", got, option, values[0])
		}
	}
	for option := range documented {
		if _, found := defaults[option]; !found {
			t.Errorf("docs/networks.md has %s, which is no default", option)
		}
	}
}
