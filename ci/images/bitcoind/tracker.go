package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// errVulnerable: Debian has fixed what the image has.
var errVulnerable = errors.New("packages of the image have known vulnerabilities that Debian has fixed; renew the pins with `" + updateCommand + "`")

// issue is what Debian's security tracker has about a vulnerability of a source package, as far as it is needed.
type issue struct {
	Description string `json:"description"`
	Releases    map[string]struct {
		// Status is resolved, with FixedVersion, which is 0 where the suite was never affected; or open or undetermined.
		Status       string `json:"status"`
		FixedVersion string `json:"fixed_version"`
		Urgency      string `json:"urgency"`
	} `json:"releases"`
}

// vulnerabilities compares the pins with the data of Debian's security tracker, a file of JSON. Those without a fix in the suite are only
// reported. Error: errVulnerable.
func vulnerabilities(file string, log io.Writer) error {
	p, err := parsePins(pinsText)
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	sources := p.sources()
	known, err := readTracker(f, sources)
	if err != nil {
		return fmt.Errorf("%s is not the data of Debian's security tracker: %w", file, err)
	}
	return report(sources, known, log)
}

// sources are the versions of the source packages of the image.
func (p *pins) sources() map[string][]string {
	all := map[string][]string{}
	for _, list := range p.Platforms {
		for _, pin := range list {
			name, version, _ := strings.Cut(pin.Source, " ")
			if !slices.Contains(all[name], version) {
				all[name] = append(all[name], version)
			}
		}
	}
	return all
}

// readTracker reads what the tracker has about some source packages. It has tens of thousands, so that the others are not kept.
func readTracker(r io.Reader, sources map[string][]string) (map[string]map[string]issue, error) {
	decoder := json.NewDecoder(r)
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, cmp.Or(err, errors.New("it is not an object"))
	}
	known, all := map[string]map[string]issue{}, 0
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		all++
		name, _ := key.(string)
		if sources[name] == nil {
			var skipped json.RawMessage
			if err := decoder.Decode(&skipped); err != nil {
				return nil, err
			}
			continue
		}
		var issues map[string]issue
		if err := decoder.Decode(&issues); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		known[name] = issues
	}
	// Nearly every library of the image had a vulnerability once.
	if len(known) == 0 {
		return nil, fmt.Errorf("none of its %d packages is in the image", all)
	}
	_, err := decoder.Token()
	return known, err
}

func report(sources map[string][]string, known map[string]map[string]issue, log io.Writer) error {
	var lines []string
	fixed, open, minor := 0, 0, 0
	for source, versions := range sources {
		for id, i := range known[source] {
			in, ok := i.Releases[suite]
			if !ok {
				continue
			}
			for _, version := range versions {
				about := fmt.Sprintf("%s %s: %s", source, version, id)
				switch {
				case in.Status == "resolved" && compareVersions(version, in.FixedVersion) >= 0:
				case in.Status == "resolved":
					fixed++
					lines = append(lines, fmt.Sprintf("%s, fixed in %s: %.120s", about, in.FixedVersion, i.Description))
				case in.Urgency == "unimportant":
					minor++
				default:
					open++
					lines = append(lines, about+", without a fix in Debian")
				}
			}
		}
	}
	slices.Sort(lines)
	for _, l := range lines {
		fmt.Fprintln(log, l)
	}
	fmt.Fprintf(log, "%d vulnerabilities that Debian has fixed, %d without a fix, and %d that Debian calls unimportant, in %d source packages\n", fixed, open, minor, len(sources))
	if fixed > 0 {
		return errVulnerable
	}
	return nil
}

// compareVersions orders versions of packages as dpkg does.
func compareVersions(a, b string) int {
	epochA, upstreamA, revisionA := splitVersion(a)
	epochB, upstreamB, revisionB := splitVersion(b)
	return cmp.Or(cmp.Compare(epochA, epochB), compareParts(upstreamA, upstreamB), compareParts(revisionA, revisionB))
}

func splitVersion(v string) (epoch int, upstream, revision string) {
	if e, rest, ok := strings.Cut(v, ":"); ok {
		epoch, _ = strconv.Atoi(e)
		v = rest
	}
	if i := strings.LastIndex(v, "-"); i >= 0 {
		return epoch, v[:i], v[i+1:]
	}
	return epoch, v, ""
}

// compareParts compares text and numbers in turns. In text a tilde is before the end, and letters are before all other characters.
func compareParts(a, b string) int {
	for a != "" || b != "" {
		for a != "" && !isDigit(a[0]) || b != "" && !isDigit(b[0]) {
			if c := cmp.Compare(weight(a), weight(b)); c != 0 {
				return c
			}
			a, b = a[1:], b[1:] // of the same weight, so that both are text
		}
		numberA, restA := number(a)
		numberB, restB := number(b)
		if c := cmp.Or(cmp.Compare(len(numberA), len(numberB)), strings.Compare(numberA, numberB)); c != 0 {
			return c
		}
		a, b = restA, restB
	}
	return 0
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// weight orders the first character of a text; the end and a digit are 0.
func weight(s string) int {
	switch {
	case s == "" || isDigit(s[0]):
		return 0
	case s[0] == '~':
		return -1
	case s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z':
		return int(s[0])
	}
	return int(s[0]) + 256
}

// number is the number at the start of a text, without leading zeros.
func number(s string) (digits, rest string) {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	return strings.TrimLeft(s[:end], "0"), s[end:]
}
