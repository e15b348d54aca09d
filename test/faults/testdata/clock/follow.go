package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// Programs of fault runs only have this file: their clock is ahead by the seconds in a file, and right without one.
func init() {
	path := os.Getenv("FAULTS_CLOCK")
	if path == "" {
		path = "/run/clock"
	}
	go func() {
		for {
			text, _ := os.ReadFile(path) //nolint:errcheck // see above
			seconds, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			if err != nil {
				seconds = 0
			}
			time.Step.Store(seconds)
			time.Sleep(100 * time.Millisecond)
		}
	}()
}
