package testtools

import (
	"slices"
	"testing"
)

func TestAFreePortIsOneThatNoConnectionGets(t *testing.T) {
	seen := map[int]bool{}
	for range 100 {
		port := FreePort(t)
		if port < 20000 || port >= 32000 {
			t.Fatalf("port %d", port)
		}
		if seen[port] {
			t.Fatalf("port %d twice", port)
		}
		seen[port] = true
		listener, err := listen(t, port)
		if err != nil {
			t.Fatal(err)
		}
		_ = listener.Close() //nolint:errcheck // nothing was sent
	}
}

func TestAPortThatIsTakenIsNotFree(t *testing.T) {
	var b portBlock
	before := b.free(t)
	defer b.lock.Close() //nolint:errcheck // nothing was sent
	taken, err := listen(t, before+4)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // nothing was sent
	// The next candidate is the taken one itself, and then others from which it is one of those above.
	for candidate, above := range map[int][]int{4: nil, 1: {1, 3}, 2: {2}} {
		b.next = before - b.first + candidate
		if port := b.free(t, above...); port <= before+candidate || slices.Contains(append(above, 0), before+4-port) {
			t.Errorf("candidate %d: port %d and %v above it, although %d is taken", before+candidate, port, above, before+4)
		}
	}
}

func TestPortsAreUsedAgainAfterAllOthers(t *testing.T) {
	var b portBlock
	last := b.free(t)
	defer b.lock.Close() //nolint:errcheck // nothing was sent
	for number := 1; ; number++ {
		port := b.free(t, 99)
		if port <= b.first || port+99 >= b.first+portsPerBlock {
			t.Fatalf("port %d of the block of %d", port, b.first)
		}
		if port < last {
			if number < portsPerBlock/100/2 {
				t.Errorf("call %d returns an earlier port", number)
			}
			return
		}
		last = port
	}
}

func TestAnotherProcessHasOtherPorts(t *testing.T) {
	var a, b portBlock
	a.take(t)
	defer a.lock.Close() //nolint:errcheck // nothing was sent
	b.take(t)
	defer b.lock.Close() //nolint:errcheck // nothing was sent
	if a.first == b.first {
		t.Errorf("two have the ports from %d", a.first)
	}
}
