package podprogram

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"
)

const (
	// maxLineBytes of a line: the rest is another line. Container runtimes split lines at 16 KiB.
	maxLineBytes = 8 << 10
	// tailBytes of a process's output are kept for the cause of its end.
	tailBytes = 8 << 10
)

// Lines writes whole lines of many processes to one writer.
type Lines struct {
	mu  sync.Mutex
	to  io.Writer
	buf []byte
}

// NewLines returns lines for a writer.
func NewLines(to io.Writer) *Lines { return &Lines{to: to} }

// Write writes a line after a prefix.
func (l *Lines) Write(prefix string, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(append(l.buf[:0], prefix...), text...)
	if len(l.buf) == 0 || l.buf[len(l.buf)-1] != '\n' {
		l.buf = append(l.buf, '\n')
	}
	_, _ = l.to.Write(l.buf) //nolint:errcheck // nowhere to report it
}

// Printf writes a formatted line after a prefix.
func (l *Lines) Printf(prefix, format string, args ...any) {
	l.Write(prefix, fmt.Appendf(nil, format, args...))
}

// Copy writes the output of a process until its end, each line after a prefix.
func (l *Lines) Copy(prefix string, from io.Reader, keep *Tail) {
	reader := bufio.NewReaderSize(from, maxLineBytes)
	for {
		text, err := reader.ReadSlice('\n')
		if len(text) > 0 {
			keep.add(text)
			l.Write(prefix, text)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// Tail keeps the last output of a process.
type Tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *Tail) add(text []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, text...)
	if len(t.text) > 2*tailBytes {
		t.text = append(t.text[:0], t.text[len(t.text)-tailBytes:]...)
	}
}

// Text is the last output.
func (t *Tail) Text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
