//go:build e2e

package network

import (
	"fmt"
	"strings"
	"testing"
)

// Two pods, of four nodes and of two.
func TestThePluginReachesEachNodeOfAPod(t *testing.T) {
	skipInDemo(t)
	env := newPackedEnv(t, 6, packed)
	p := env.plugin("bob", pluginRights)
	env.create(network("packed", 6))
	env.ready("packed", readyTimeout)
	for i, name := range []string{"packed-sts-0/0", "packed-sts-0/1", "packed-sts-0/2", "packed-sts-0/3", "packed-sts-1/0", "packed-sts-1/1"} {
		ref := fmt.Sprintf("packed/%d", i)
		if out := p.Does("mine", ref, "1"); !strings.Contains(out, name+" mined 1 block") {
			t.Errorf("mine %s printed %s", ref, out)
		}
		if got := p.Does("cli", "packed/"+name, "getblockcount"); got != fmt.Sprint(i+1) {
			t.Errorf("the height of %s is %s, and should be %d", name, got, i+1)
		}
		if out := p.Does("logs", ref, "--grep", fmt.Sprintf("height=%d ", i+1)); !strings.HasPrefix(out, name) || strings.Contains(out, "[") {
			t.Errorf("logs %s printed %s", ref, out)
		}
	}
	p.Does("partition", "packed", "0-3", "4,5")
	p.Does("heal", "packed")
	if out := p.Does("kill", "packed/2"); !strings.HasPrefix(out, "packed-sts-0/2 is stopped") {
		t.Errorf("kill printed %s", out)
	}
	if out := p.Does("tree", "packed"); !strings.Contains(out, "6 of 6 nodes ready") || !strings.Contains(out, "15 of 15 connections") {
		t.Errorf("the tree is %s", out)
	}
}
