package cluster

import (
	"bufio"
	"bytes"
	"io"
)

// nodeLog is the log of one node out of that of its pod. A line has the time stamp of the kubelet, and then the prefix of the node, which is
// taken off; the lines of the other nodes are dropped.
type nodeLog struct {
	stream io.ReadCloser
	reader *bufio.Reader
	prefix []byte
	// within is true after a part of a line of the node without its end.
	within, other bool
	left          []byte
}

func newNodeLog(stream io.ReadCloser, prefix string) io.ReadCloser {
	return &nodeLog{stream: stream, reader: bufio.NewReaderSize(stream, 64<<10), prefix: []byte(prefix)}
}

func (l *nodeLog) Close() error { return l.stream.Close() }

func (l *nodeLog) Read(p []byte) (int, error) {
	for len(l.left) == 0 {
		part, err := l.reader.ReadSlice('\n')
		l.left = l.own(part)
		if err != nil && err != bufio.ErrBufferFull && len(l.left) == 0 { //nolint:errorlint // bufio returns it as it is
			return 0, err
		}
	}
	n := copy(p, l.left)
	l.left = l.left[n:]
	return n, nil
}

// own returns what of a line, or of a part of one, is the node's.
func (l *nodeLog) own(part []byte) []byte {
	ends := bytes.HasSuffix(part, []byte("\n"))
	switch {
	case len(part) == 0:
		return nil
	case l.within:
		l.within = !ends
		return part
	case l.other:
		l.other = !ends
		return nil
	}
	stamp, text, _ := bytes.Cut(part, []byte(" "))
	rest, own := bytes.CutPrefix(text, l.prefix)
	l.within, l.other = own && !ends, !own && !ends
	if !own {
		return nil
	}
	return bytes.Join([][]byte{stamp, rest}, []byte(" "))
}

// lastLines keeps the last lines of a log that ends.
func lastLines(stream io.ReadCloser, count int64) (io.ReadCloser, error) {
	defer stream.Close() //nolint:errcheck // it was only read
	reader := bufio.NewReader(stream)
	var lines [][]byte
	for {
		line, err := reader.ReadBytes('\n')
		if len(line) > 0 {
			lines = append(lines, line)
		}
		if int64(len(lines)) > count {
			lines = lines[1:]
		}
		if err == io.EOF { //nolint:errorlint // bufio returns it as it is
			return io.NopCloser(bytes.NewReader(bytes.Join(lines, nil))), nil
		}
		if err != nil {
			return nil, err
		}
	}
}
