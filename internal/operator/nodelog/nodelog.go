// Package nodelog reads in the output of a node why it ended. It imports the standard library only, because pods with several nodes use it.
package nodelog

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// fatalLine is what bitcoind writes to standard error before it ends. A line of the log may come between its two parts.
	fatalLine = regexp.MustCompile(`^Error: [^0-9]`)
	// errorLine is a line in which bitcoind reports an error, with or without a time.
	errorLine = regexp.MustCompile(`^(\S+Z )?(Error: [^0-9]|EXCEPTION:|\[(\w+:)?error\])`)
	// volumeFull is in what bitcoind writes on a full volume. At its start it does not name the cause.
	volumeFull = regexp.MustCompile(`(?i)disk space is (too )?low|no space left on device|disk is full|unable to write settings file`)
	// shutdownLine is a line that bitcoind writes when it shuts down, for whatever reason.
	shutdownLine = regexp.MustCompile(`(^|Z )(Shutdown: |Flushed fee estimates|Dumped mempool|Writing \d+ |\S+: Thread interrupt)|thread exit$`)
)

// Cause is the line of a container's output that reports its end: the first fatal error, which others may follow from, or else the last
// line with an error, or else the last line before the messages of the shutdown.
func Cause(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	for i, line := range lines {
		if line = strings.TrimSpace(line); fatalLine.MatchString(line) {
			// A list of causes follows.
			if strings.HasSuffix(line, ":") && i+1 < len(lines) {
				line += " " + strings.TrimSpace(lines[i+1])
			}
			return line
		}
	}
	last, found := lines[len(lines)-1], false
	for _, line := range slices.Backward(lines) {
		line = strings.TrimSpace(line)
		if errorLine.MatchString(line) {
			return line
		}
		if !found && !shutdownLine.MatchString(line) {
			last, found = line, true
		}
	}
	return last
}

// VolumeFull reports whether the output of a node that ended reports that it could not write to its volume.
func VolumeFull(output string) bool { return volumeFull.MatchString(output) }
