// Command runtime stands between dockerd and runc on a machine that withholds CAP_SYS_RESOURCE.
//
// There, runc fails to start privileged containers ("unable to apply caps: operation not permitted") and
// processes with a negative oom score. This program takes both out of the specification
// that dockerd wrote, then becomes runc. It runs twice or more for every container start, so it is one
// small static binary.
//
// The environment variable OCI_RUNTIME names the real runtime, by default runc.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const withheld = "CAP_SYS_RESOURCE"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "airgap runtime:", err)
		os.Exit(1)
	}
}

// run does not return when all is well: the process becomes the real runtime.
func run(args []string) error {
	if file := specFile(args); file != "" {
		if err := rewrite(file); err != nil {
			return fmt.Errorf("rewriting %s: %w", file, err)
		}
	}
	name := os.Getenv("OCI_RUNTIME")
	if name == "" {
		name = "runc"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return fmt.Errorf("finding the real runtime: %w", err)
	}
	return syscall.Exec(path, append([]string{name}, args...), os.Environ())
}

// specFile returns the file that holds the process to start, or "" for a command that starts none.
func specFile(args []string) string {
	for i, arg := range args {
		switch arg {
		case "create", "run":
			bundle := flagValue(args[i+1:], "--bundle", "-b")
			return filepath.Join(bundle, "config.json")
		case "exec":
			return flagValue(args[i+1:], "--process", "-p")
		}
	}
	return ""
}

func flagValue(args []string, names ...string) string {
	for i, arg := range args {
		for _, name := range names {
			if value, ok := strings.CutPrefix(arg, name+"="); ok {
				return value
			}
			if arg == name && i+1 < len(args) {
				return args[i+1]
			}
		}
	}
	return ""
}

// rewrite edits the file in place: dockerd holds no lock on it, and nobody reads it before runc does.
func rewrite(file string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	edited, err := permit(old)
	if err != nil {
		return err
	}
	if bytes.Equal(old, edited) {
		return nil
	}
	return os.WriteFile(file, edited, 0o600)
}

// permit takes what this machine does not grant out of an OCI specification, or out of the process alone
// that "exec" is given. Everything else keeps its value, numbers of 64 bits included.
func permit(doc []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber()
	var spec map[string]any
	if err := decoder.Decode(&spec); err != nil {
		return nil, err
	}
	process, ok := spec["process"].(map[string]any)
	if !ok {
		process = spec
	}
	changed := dropCapability(process)
	if score, ok := process["oomScoreAdj"].(json.Number); ok && strings.HasPrefix(score.String(), "-") {
		process["oomScoreAdj"] = json.Number("0")
		changed = true
	}
	if !changed {
		return doc, nil
	}
	return json.Marshal(spec)
}

func dropCapability(process map[string]any) (changed bool) {
	sets, _ := process["capabilities"].(map[string]any)
	for name, value := range sets {
		set, _ := value.([]any)
		kept := make([]any, 0, len(set))
		for _, capability := range set {
			if capability != withheld {
				kept = append(kept, capability)
			}
		}
		if len(kept) != len(set) {
			sets[name] = kept
			changed = true
		}
	}
	return changed
}
