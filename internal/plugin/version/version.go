// Package version is that of the program: of a release, whose build sets it, or of the module that `go install` built.
package version

import (
	"runtime/debug"
	"strings"
)

// number is set by the linker (ci/plugin).
var number string

// Number is without a leading v; dev for a build from a working tree.
func Number() string {
	if number != "" {
		return number
	}
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return "dev"
}
