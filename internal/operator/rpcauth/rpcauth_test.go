package rpcauth

import "testing"

// The example is from bitcoin's test/functional/rpc_users.py.
func TestValueHashesAsBitcoinDoes(t *testing.T) {
	const want = "rt:93648e835a54c573682c2eb19f882535$7681e9c5b74bdd85e78166031d2058e1069b3ed7ed967c93fc63abba06f31144"
	got := Value("rt", "cA773lm788buwYe4g4WT+05pKyNruVKjQ25x3n0DQcM=", "93648e835a54c573682c2eb19f882535")
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
