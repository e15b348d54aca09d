package cluster

import (
	"errors"
	"strings"
	"testing"

	kinderrors "sigs.k8s.io/kind/pkg/errors"
	"sigs.k8s.io/kind/pkg/exec"
)

func inNode(output string, command ...string) error {
	return kinderrors.WithStack(&exec.RunError{Command: append([]string{"docker", "exec", "--privileged", "a-control-plane"}, command...), Output: []byte(output), Inner: errors.New("exit status 127")})
}

func TestExportAcceptsANodeWithoutCrictl(t *testing.T) {
	missing := inNode("OCI runtime exec failed: exec: \"crictl\": executable file not found in $PATH", "crictl", "images")
	broken := inNode("No journal files were found.", "journalctl", "--no-pager")
	for name, c := range map[string]struct {
		err      error
		noCrictl bool
		want     string
	}{
		"all well":                   {nil, false, ""},
		"no crictl":                  {kinderrors.NewAggregate([]error{missing}), true, ""},
		"no crictl in two nodes":     {kinderrors.NewAggregate([]error{kinderrors.NewAggregate([]error{missing}), missing}), true, ""},
		"no crictl, and no journal":  {kinderrors.NewAggregate([]error{missing, broken}), true, "No journal files were found."},
		"something else went wrong":  {kinderrors.NewAggregate([]error{broken}), false, "No journal files were found."},
		"an error that is no run":    {errors.New("no such cluster"), false, "no such cluster"},
		"a journal that names it so": {kinderrors.NewAggregate([]error{inNode("crictl: not found", "cat", "/kind/version")}), false, "crictl: not found"},
	} {
		failed, noCrictl := splitErrors(c.err)
		text := ""
		if err := errors.Join(failed...); err != nil {
			text = err.Error()
		}
		if noCrictl != c.noCrictl || text != c.want {
			t.Errorf("%s: %q, %t; want %q, %t", name, strings.TrimSpace(text), noCrictl, c.want, c.noCrictl)
		}
	}
}
