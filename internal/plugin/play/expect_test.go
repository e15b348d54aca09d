package play

import (
	"context"
	"testing"
	"time"
)

func TestAnErrorOfTheLastMomentIsNoAnswerOfTheCluster(t *testing.T) {
	for name, c := range map[string]struct {
		left time.Duration
		want bool
	}{
		"over":        {-time.Second, true},
		"nearly over": {20 * time.Millisecond, true},
		"not over":    {time.Minute, false},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), c.left)
		if got := isOverSoon(ctx); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
		cancel()
	}
	if isOverSoon(t.Context()) {
		t.Error("it has no end")
	}
}
