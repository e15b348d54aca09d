package apply

import (
	"errors"
	"testing"

	"github.com/go-logr/logr"

	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Each write would need a client, which this writer does not have.
func TestNothingIsWrittenWithoutTheLease(t *testing.T) {
	fence, set := lease.NewFence(logr.Discard()), statefulSet(t)
	config, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	writer := Writer{Fence: fence}
	for name, write := range map[string]func() error{
		"a create": func() error {
			_, _, err := writer.Create(t.Context(), set)
			return err
		},
		"an apply": func() error {
			_, err := writer.Change(t.Context(), config, set, Drift{})
			return err
		},
		"a status": func() error {
			_, err := Status(t.Context(), nil, fence, &v1.BitcoinNetwork{}, v1.BitcoinNetworkStatus{})
			return err
		},
	} {
		if err := write(); !errors.Is(err, lease.ErrNotRenewed) || !PassesByItself(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
