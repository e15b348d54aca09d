package play

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/christianb93/bitcoin-controller/internal/plugin/scenario"
)

// client-go begins no request that its rate limiter would delay beyond the end.
func TestWhatIsExpectedIsReportedWhenTheTimeEndsWithinARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, set := player(t, 1, func(context.Context, string) (string, error) { return `{"blocks": 1, "bestblockhash": "a"}`, nil })
		p.Cluster.Poll = 30 * time.Millisecond
		end := time.Now().Add(time.Minute)
		set.PrependReactor("get", "bitcoinnetworks", func(clienttesting.Action) (bool, runtime.Object, error) {
			return time.Until(end) < 90*time.Millisecond, nil, errors.New("client rate limiter: it would exceed the deadline")
		})
		_, err := p.expect(t.Context(), &scenario.Expect{Height: number(t, "2")}, time.Minute)
		if err == nil || !strings.Contains(err.Error(), "expected the height of node 0 to be 2 within 1m0s, and it is 1") {
			t.Errorf("it ended with %v", err)
		}
	})
}

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
