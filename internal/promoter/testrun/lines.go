package testrun

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
)

// Limits of the output that is kept, in bytes: of a test that prints without end, the run must not need more memory.
const (
	// maxLine is of one line of the command; what is longer is cut, and so is an event of `go test -json` that is longer.
	maxLine = 1 << 20
	// maxTestOutput is of one test, maxAllOutput of all tests together.
	maxTestOutput = 1 << 20
	maxAllOutput  = 64 << 20
	// maxTailLine is of one of the last lines of a command.
	maxTailLine = 8 << 10
)

// readLine reads a line with its end. What is beyond maxLine is dropped and counted.
func readLine(in *bufio.Reader) (string, error) {
	var line []byte
	dropped := 0
	for {
		part, err := in.ReadSlice('\n')
		keep := min(len(part), maxLine-len(line))
		line = append(line, part[:keep]...)
		dropped += len(part) - keep
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return cut(string(line), dropped), err
	}
}

// cut adds the number of dropped bytes to a text.
func cut(text string, dropped int) string {
	if dropped == 0 {
		return text
	}
	return fmt.Sprintf("%s … (%d bytes more)", strings.ToValidUTF8(text, ""), dropped)
}

func shorten(text string, limit int) string {
	return cut(text[:min(len(text), limit)], len(text)-min(len(text), limit))
}
