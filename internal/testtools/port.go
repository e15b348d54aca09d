package testtools

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
)

// The ports for programs are below those that the kernel gives to connections, 32768 and more on Linux: between the search for a free one
// and the program that binds it, any connection of this machine could get one of those.
const (
	lowestPort    = 20000
	portBlocks    = 12
	portsPerBlock = 1000
)

// portBlock is the ports of one process. It keeps the first one bound, so that tests of other packages, which run at the same time, have
// another block.
type portBlock struct {
	mu    sync.Mutex
	lock  net.Listener
	first int
	next  int
}

var ports portBlock

// FreePort returns a port that nothing has at 127.0.0.1, nor those that are so far above it, for a program that is started next. It returns
// the same one again only after all others of this process.
func FreePort(t testing.TB, above ...int) int {
	t.Helper()
	return ports.free(t, above...)
}

func (b *portBlock) free(t testing.TB, above ...int) int {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lock == nil {
		b.take(t)
	}
	above = append([]int{0}, above...)
	width := 1 + slices.Max(above)
	for range portsPerBlock {
		if b.next+width > portsPerBlock {
			b.next = 1
		}
		port := b.first + b.next
		if !slices.ContainsFunc(above, func(distance int) bool { return !isFree(t, port+distance) }) {
			b.next += width
			return port
		}
		b.next++
	}
	t.Fatalf("no port from %d to %d is free", b.first, b.first+portsPerBlock-1)
	return 0
}

// take finds a block that no other process has.
func (b *portBlock) take(t testing.TB) {
	t.Helper()
	for _, block := range rand.Perm(portBlocks) {
		first := lowestPort + block*portsPerBlock
		if lock, err := listen(t, first); err == nil {
			b.lock, b.first, b.next = lock, first, 1
			return
		}
	}
	t.Fatalf("%d processes have all ports for tests, from %d", portBlocks, lowestPort)
}

func isFree(t testing.TB, port int) bool {
	t.Helper()
	listener, err := listen(t, port)
	return err == nil && listener.Close() == nil
}

func listen(t testing.TB, port int) (net.Listener, error) {
	t.Helper()
	return (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprint("127.0.0.1:", port))
}
