//go:build linux

package agent

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// A later operator may request what this agent would take for something else.
func TestWhatCannotBeUndoneIsOnlyDoneWhenAllOfItIsKnown(t *testing.T) {
	point := `"point":"` + strings.Repeat("ab", 32) + `:0"`
	s := newStandIn(t, nil)
	for name, test := range map[string]struct {
		handle func(context.Context, []byte) (any, error)
		body   string
		want   error
	}{
		"an unknown field of a close":    {s.handleClose(false), `{` + point + `,"later":true}`, errInvalid},
		"an unknown field of an opening": {s.handleChannels, `{"channels":[],"later":true}`, errInvalid},
		"one to abandon as a close":      {s.handleClose(false), `{` + point + `,"abandon":true}`, errInvalid},
		"a close as one to abandon":      {s.handleClose(true), `{` + point + `}`, errInvalid},
		"one to abandon":                 {s.handleClose(true), `{` + point + `,"abandon":true}`, nil},
		"an unknown field of peers":      {s.handlePeers, `{"peers":[],"later":true}`, nil},
	} {
		if _, err := test.handle(t.Context(), []byte(test.body)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}
