// Command vulnerabilities reads the output of `govulncheck -format json` from standard input and fails when code of a module that is
// used has a known vulnerability, unless the arguments name it. Those of Go's own library are only reported: a newer Go has the fix.
//
//	govulncheck -format json ./cmd/... | go run ./ci/vulnerabilities [GO-2026-1234…]
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/Masterminds/semver/v3"
)

// message is one JSON object of the stream, as far as it is needed.
type message struct {
	OSV *struct {
		ID, Summary string
	} `json:"osv"`
	Finding *struct {
		OSV          string `json:"osv"`
		FixedVersion string `json:"fixed_version"`
		// Trace leads from the vulnerable code to the program. Its first frame has a function when the program uses it.
		Trace []struct {
			Module, Version, Package, Function string
		} `json:"trace"`
	} `json:"finding"`
	Config *struct {
		GoVersion string `json:"go_version"`
	} `json:"config"`
	// SBOM has the version of Go that compiled a binary, which Config has not.
	SBOM *struct {
		GoVersion string `json:"go_version"`
	} `json:"SBOM"`
}

func main() {
	found, err := run(os.Stdin, os.Stderr, os.Args[1:])
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "vulnerabilities:", err)
		os.Exit(2)
	case found:
		os.Exit(1)
	}
}

// run reports whether a module has a vulnerability that is not explained.
func run(in io.Reader, out io.Writer, explained []string) (found bool, err error) {
	summaries, modules, library := map[string]string{}, map[string]string{}, map[string]string{}
	goVersion, configured := "", false
	decoder := json.NewDecoder(in)
	for {
		var m message
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return false, err
		}
		switch {
		case m.Config != nil:
			configured, goVersion = true, m.Config.GoVersion
		case m.SBOM != nil && m.SBOM.GoVersion != "":
			goVersion = m.SBOM.GoVersion
		case m.OSV != nil:
			summaries[m.OSV.ID] = m.OSV.Summary
		case m.Finding == nil || len(m.Finding.Trace) == 0 || m.Finding.Trace[0].Function == "":
		case m.Finding.Trace[0].Module == "stdlib":
			library[m.Finding.OSV] = m.Finding.FixedVersion
		default:
			at := m.Finding.Trace[0]
			modules[m.Finding.OSV] = fmt.Sprintf("%s@%s, %s.%s, fixed in %s", at.Module, at.Version, at.Package, at.Function, m.Finding.FixedVersion)
		}
	}
	if !configured {
		return false, errors.New("this is no output of govulncheck: it has no configuration")
	}
	for _, id := range slices.Sorted(maps.Keys(modules)) {
		if slices.Contains(explained, id) {
			fmt.Fprintf(out, "%s is explained: %s\n", id, summaries[id])
			continue
		}
		found = true
		fmt.Fprintf(out, "%s: %s\n    %s\n", id, summaries[id], modules[id])
	}
	if len(library) > 0 {
		fmt.Fprintf(out, "%d vulnerabilities of the library of Go (%s); the fixes are in Go %s\n", len(library), goVersion, newest(slices.Collect(maps.Values(library))))
	}
	if len(modules)+len(library) == 0 {
		fmt.Fprintln(out, "no known vulnerability")
	}
	return found, nil
}

// newest returns the highest version.
func newest(versions []string) string {
	return slices.MaxFunc(versions, func(a, b string) int {
		x, errX := semver.NewVersion(a)
		y, errY := semver.NewVersion(b)
		if errX != nil || errY != nil {
			return 0
		}
		return x.Compare(y)
	})
}
