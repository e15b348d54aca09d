package supervisor

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/christianb93/bitcoin-controller/internal/operator/nodelog"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
)

const (
	// maxLineBytes of a line: the rest is another line. Container runtimes split lines at 16 KiB.
	maxLineBytes = 8 << 10
	// tailBytes of a node's output are kept for the cause of its end.
	tailBytes = 8 << 10
)

// lines writes whole lines of many nodes to one writer.
type lines struct {
	mu  sync.Mutex
	to  io.Writer
	buf []byte
}

// line writes a line of a node with its number in front.
func (l *lines) line(slot int, text []byte) { l.writeAfter(fmt.Sprintf("[%d] ", slot), text) }

// write writes a line of the pod.
func (l *lines) write(text []byte) { l.writeAfter("", text) }

func (l *lines) writeAfter(prefix string, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(append(l.buf[:0], prefix...), text...)
	if l.buf[len(l.buf)-1] != '\n' {
		l.buf = append(l.buf, '\n')
	}
	_, _ = l.to.Write(l.buf) //nolint:errcheck // nowhere to report it
}

func (l *lines) printf(slot int, format string, args ...any) {
	l.line(slot, fmt.Appendf(nil, "supervisor: "+format, args...))
}

// copy writes the output of a node until its end.
func (l *lines) copy(slot int, from io.Reader, keep *tail) {
	reader := bufio.NewReaderSize(from, maxLineBytes)
	for {
		text, err := reader.ReadSlice('\n')
		if len(text) > 0 {
			keep.add(text)
			l.line(slot, text)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// tail keeps the last output of a process.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) add(text []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, text...)
	if len(t.text) > 2*tailBytes {
		t.text = append(t.text[:0], t.text[len(t.text)-tailBytes:]...)
	}
}

// cause of the end of the process.
func (t *tail) cause() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return truncate.UTF8(nodelog.Cause(string(t.text)), api.MaxOutputBytes)
}
