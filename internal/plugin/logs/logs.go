// Package logs merges the logs of nodes in the order of their times. It is independent of the cluster: a source is any stream of lines with
// the time stamps that a kubelet writes.
package logs

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"time"
)

// Line is one line of a node's log.
type Line struct {
	Time time.Time
	// Source is the index of the node.
	Source int
	Text   string
}

// maxLine is the longest line; the rest of a longer one is dropped.
const maxLine = 64 << 10

// Read parses a stream of lines, each with the time stamp of the kubelet, and passes on those that keep accepts. The times of a source
// never decrease: a clock that was set back counts as standing still.
func Read(ctx context.Context, stream io.Reader, source int, after time.Time, keep func(text string) bool, to chan<- Line) (last time.Time, err error) {
	reader := bufio.NewReaderSize(stream, maxLine)
	last = after
	for {
		raw, err := reader.ReadSlice('\n')
		rest := err
		for errors.Is(rest, bufio.ErrBufferFull) {
			_, rest = reader.ReadSlice('\n')
		}
		if len(raw) > 0 {
			at, text := parse(strings.TrimRight(string(raw), "\r\n"))
			if at.After(after) || after.IsZero() {
				if at.Before(last) {
					at = last
				}
				last = at
				if keep(text) {
					select {
					case to <- Line{at, source, text}:
					case <-ctx.Done():
						return last, ctx.Err()
					}
				}
			}
		}
		if rest != nil {
			if errors.Is(rest, io.EOF) {
				rest = nil
			}
			return last, rest
		}
	}
}

// parse separates the time stamp; a line without one, such as an error of the kubelet, has the zero time.
func parse(raw string) (time.Time, string) {
	stamp, text, _ := strings.Cut(raw, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return time.Time{}, raw
	}
	return at, text
}

// Merge passes the lines of all sources on in the order of their times, until all channels are closed. A line waits for the next one of every
// other source, but with hold > 0 no longer than that: logs that are followed may have nothing new for hours.
func Merge(ctx context.Context, sources []chan Line, hold time.Duration, emit func(Line) error) error {
	m := &merger{heads: make([]*head, len(sources)), open: len(sources), arrivals: make(chan arrival)}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m.next = make([]chan struct{}, len(sources))
	for i, source := range sources {
		m.next[i] = make(chan struct{}, 1)
		m.next[i] <- struct{}{}
		go m.feed(ctx, i, source)
	}
	for {
		line, wait := m.earliest(hold)
		switch {
		case line != nil:
			if err := emit(*line); err != nil {
				return err
			}
			continue
		case m.open == 0:
			return nil
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case a := <-m.arrivals:
			m.arrived(a)
		case <-timer:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// head is the next line of a source.
type head struct {
	Line
	arrived time.Time
}

type arrival struct {
	source int
	line   Line
	closed bool
}

type merger struct {
	heads    []*head
	closed   []int
	open     int
	arrivals chan arrival
	// next lets a source deliver its next line.
	next []chan struct{}
}

// feed delivers one line after the other, each when the one before has been passed on.
func (m *merger) feed(ctx context.Context, i int, source <-chan Line) {
	for {
		select {
		case <-m.next[i]:
		case <-ctx.Done():
			return
		}
		select {
		case line, ok := <-source:
			select {
			case m.arrivals <- arrival{i, line, !ok}:
			case <-ctx.Done():
				return
			}
			if !ok {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (m *merger) arrived(a arrival) {
	if a.closed {
		m.open--
		m.closed = append(m.closed, a.source)
		return
	}
	m.heads[a.source] = &head{a.line, time.Now()}
}

// earliest takes the line that is next, or returns how long the earliest one still waits for the other sources; 0 for any time.
func (m *merger) earliest(hold time.Duration) (*Line, time.Duration) {
	first, waiting := -1, 0
	for i, h := range m.heads {
		switch {
		case h == nil:
			waiting++
		case first < 0 || h.Time.Before(m.heads[first].Time):
			first = i
		}
	}
	if first < 0 {
		return nil, 0
	}
	h := m.heads[first]
	if waiting > len(m.closed) {
		waited := time.Since(h.arrived)
		if hold == 0 || waited < hold {
			return nil, max(hold-waited, 0)
		}
	}
	m.heads[first] = nil
	m.next[first] <- struct{}{}
	return &h.Line, 0
}
