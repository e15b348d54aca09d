package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// suite is the only one that has the package.
const suite = "sid"

// keyring has the keys of Debian's archive. Package debian-archive-keyring has it, on other distributions too.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// apt reads the package index of the suite for one architecture, apart from that of the machine. It checks the index' signature.
type apt struct {
	dir, architecture string
}

func newApt(ctx context.Context, dir, architecture, mirror string) (*apt, error) {
	if _, err := os.Stat(keyring); err != nil {
		return nil, fmt.Errorf("the keys of Debian's archive are missing, by which the package index is verified; install debian-archive-keyring: %w", err)
	}
	a := &apt{dir, architecture}
	for _, sub := range []string{"state/lists/partial", "cache/archives/partial", "etc"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	list := fmt.Sprintf("deb [arch=%s signed-by=%s] %s %s main\n", architecture, keyring, mirror, suite)
	for name, text := range map[string]string{"etc/sources.list": list, "state/status": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	_, err := a.run(ctx, "apt-get", "update", "--error-on=any")
	return a, err
}

func (a *apt) run(ctx context.Context, program string, args ...string) ([]byte, error) {
	// A mirror that is not refreshed any more is past its own expiry date; the reviewer of the pins sees the date of its index.
	settings := map[string]string{
		"Dir::Etc::SourceList": a.dir + "/etc/sources.list", "Dir::Etc::SourceParts": "/dev/null", "Dir::State": a.dir + "/state",
		"Dir::State::status": a.dir + "/state/status", "Dir::Cache": a.dir + "/cache", "APT::Architecture": a.architecture,
		"APT::Architectures": a.architecture, "Acquire::Languages": "none", "Acquire::Check-Valid-Until": "false", "APT::Sandbox::User": "",
	}
	var all []string
	for name, value := range settings {
		all = append(all, "-o", name+"="+value)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, append(all, args...)...)
	cmd.Env, cmd.Stderr = append(os.Environ(), "LC_ALL=C"), &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", program, args[0], err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// indexTime is the time at which the package index was signed.
func (a *apt) indexTime() (time.Time, error) {
	names, err := filepath.Glob(filepath.Join(a.dir, "state/lists/*InRelease"))
	if err != nil || len(names) != 1 {
		return time.Time{}, errors.Join(errors.New("apt has stored no signed index; is the mirror one of Debian's?"), err)
	}
	text, err := os.ReadFile(names[0])
	if err != nil {
		return time.Time{}, err
	}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		if date, ok := strings.CutPrefix(s.Text(), "Date: "); ok {
			return time.Parse(time.RFC1123, date)
		}
	}
	return time.Time{}, fmt.Errorf("%s has no date", names[0])
}

// closure are the packages that a package needs, and itself, without their files and SHA-1.
func (a *apt) closure(ctx context.Context, name string) ([]pin, error) {
	plan, err := a.run(ctx, "apt-get", "install", "--simulate", "--no-install-recommends", name)
	if err != nil {
		return nil, err
	}
	var names []string
	for s := bufio.NewScanner(bytes.NewReader(plan)); s.Scan(); {
		if f := strings.Fields(s.Text()); len(f) > 1 && f[0] == "Inst" {
			names = append(names, f[1])
		}
	}
	shown, err := a.run(ctx, "apt-cache", append([]string{"show", "--no-all-versions"}, names...)...)
	if err != nil {
		return nil, err
	}
	return parseIndex(shown)
}

// parseIndex reads paragraphs of a package index.
func parseIndex(text []byte) ([]pin, error) {
	var list []pin
	for paragraph := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		fields := map[string]string{}
		for line := range strings.Lines(paragraph) {
			if name, value, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, " ") {
				fields[name] = strings.TrimSpace(value)
			}
		}
		size, err := strconv.ParseInt(fields["Size"], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the package index has no size of %s: %w", fields["Package"], err)
		}
		p := pin{Package: fields["Package"], Version: fields["Version"], Path: fields["Filename"], Size: size, SHA256: fields["SHA256"]}
		p.Source = sourceOf(fields)
		list = append(list, p)
	}
	return list, nil
}

// sourceOf is the name and version of the source package. The index has what differs from the package's own.
func sourceOf(fields map[string]string) string {
	name, version, found := strings.Cut(fields["Source"], " ")
	if name == "" {
		name = fields["Package"]
	}
	if !found {
		return name + " " + fields["Version"]
	}
	return name + " " + strings.Trim(version, "()")
}
