package traffic

import (
	"testing"
	"time"
)

func TestRates(t *testing.T) {
	for text, want := range map[string]time.Duration{"5/s": 200 * time.Millisecond, "1": time.Second, "30/m": 2 * time.Second, "1/h": time.Hour, "1000/s": time.Millisecond} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("%s is one in %s (%v), and should be one in %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1/s", "5/", "5/d", "1001/s", "1.5/s", "/s", "99999999999/s"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q is accepted as one in %s", text, got)
		}
	}
}

func TestFeeRates(t *testing.T) {
	first, last := func(int) int { return 0 }, func(n int) int { return n - 1 }
	for text, want := range map[string][2]string{"10": {"fee_rate=10", "fee_rate=10"}, "1-50": {"fee_rate=1", "fee_rate=50"}} {
		fees, err := ParseFees(text)
		if got := [2]string{fees.Pick(first), fees.Pick(last)}; err != nil || got != want {
			t.Errorf("%s gives %q (%v), and should give %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "5-1", "1-", "-5", "1-99999", "x"} {
		if got, err := ParseFees(text); err == nil {
			t.Errorf("%q is accepted as %v", text, got)
		}
	}
}
