// Package plan decides what the nodes of a LightningNetwork need next: a pure function of what they report, of the chain and of the
// specification, without a client or a clock. No decision needs more than what can be observed again, so that an operator that was
// ended in the middle of an action continues where the nodes are.
package plan
