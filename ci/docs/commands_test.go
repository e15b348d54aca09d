package main

import (
	"regexp"
	"strings"
	"testing"
)

// A LightningNetwork often has the name of its BitcoinNetwork, and its StatefulSet the same label: a restart of the nodes of bitcoind, or a rule for
// their pods, must not be one for LND too.
func TestASelectorOfANetworkHasTheNameOfItsProgram(t *testing.T) {
	t.Chdir("../..")
	generated := []string{
		"pkg/apis/bitcoincontroller/v1/types.go", "docs/scenario.schema.json",
		"charts/bitcoin-controller/files/crds/bitcoincontroller.christianb93.github.com_bitcoinnetworks.yaml",
	}
	found := 0
	for _, file := range append(pages(t), generated...) {
		for line := range strings.Lines(readPage(t, file)) {
			if !strings.Contains(line, "app.kubernetes.io/instance") || file == "CHANGELOG.md" {
				continue
			}
			found++
			if !strings.Contains(line, "app.kubernetes.io/name") {
				t.Errorf("%s selects objects of a LightningNetwork of the same name too: %.300s", file, line)
			}
		}
	}
	if found < 6 {
		t.Errorf("%d selectors were found", found)
	}
}

// inBackground is a forward that the next line of a page uses.
var inBackground = regexp.MustCompile(`(?m)^kubectl port-forward .*&\n(.*)$`)

func TestAForwardInTheBackgroundIsAwaitedAndEnded(t *testing.T) {
	t.Chdir("../..")
	found := 0
	for _, page := range pages(t) {
		text := readPage(t, page)
		for _, m := range inBackground.FindAllStringSubmatch(text, -1) {
			found++
			if !strings.HasPrefix(m[1], "until ") || !strings.Contains(text, "\nkill %1\n") {
				t.Errorf("%s uses a forward before it has begun, or never ends it: %s", page, m[1])
			}
		}
	}
	if found == 0 {
		t.Error("no page has a forward in the background")
	}
}
