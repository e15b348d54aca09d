package main

import (
	"strings"
	"testing"
)

func TestEachReasonHasMeaningConditionsAndAction(t *testing.T) {
	const good = `package v1
const (
	// ConditionReady is true when all
	// is well.
	ConditionReady = "Ready"
	// ReasonBusy means that work is left.
	//
	// Conditions: A=True, B=False.
	//
	// Action: wait.
	ReasonBusy = "Busy"
	// EventLost is a warning: a node
	// has gone.
	EventLost = "Lost"
	// EventBack is a normal event: it is here.
	EventBack = "Back"
	// LightningConditionFunded is true with coins.
	LightningConditionFunded = "Funded"
)`
	var got page
	if err := got.read("conditions.go", good); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| `Ready` | True when all is well. |", "### Busy\n\nWork is left.\n\n- Conditions: `A=True`, `B=False`\n- Action: wait.\n",
		"| `Funded` | True with coins. |\n", "| `Lost` | Warning | A node has gone. |\n| `Back` | Normal | It is here. |\n",
	} {
		if !strings.Contains(got.text(), want) {
			t.Errorf("%q is not in\n%s", want, got.text())
		}
	}
	for _, missing := range []string{"	// Action: wait.\n", "Conditions: ", " means that work is left", "	// ConditionReady is true when all\n", " is a warning", " event"} {
		if err := new(page).read("conditions.go", strings.Replace(good, missing, "", 1)); err == nil {
			t.Errorf("a comment without %q is accepted", missing)
		}
	}
}
