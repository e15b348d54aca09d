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
)`
	var out strings.Builder
	if err := write(&out, "conditions.go", good); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| `Ready` | True when all is well. |", "### Busy\n\nWork is left.\n\n- Conditions: `A=True`, `B=False`\n- Action: wait.\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	for _, missing := range []string{"	// Action: wait.\n", "Conditions: ", " means that work is left", "	// ConditionReady is true when all\n"} {
		if err := write(&out, "conditions.go", strings.Replace(good, missing, "", 1)); err == nil {
			t.Errorf("a comment without %q is accepted", missing)
		}
	}
}
