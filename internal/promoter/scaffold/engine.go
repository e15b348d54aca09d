package scaffold

import (
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// Engine selects the CI engine of a repository: the one that it has files for, else the one of its host, else the default.
// A source that no engine can fetch has none.
func Engine(files []string, source string) string {
	var found []string
	for _, engine := range ci.Engines {
		if slices.ContainsFunc(files, engine.Reads) {
			found = append(found, engine.Name)
		}
	}
	remote, hosted := gitrepo.ParseRemote(source)
	switch {
	case !hosted:
		return "none"
	case len(found) == 1:
		return found[0]
	}
	for _, engine := range ci.Engines {
		if engine.Host != "" && strings.Contains(remote.Host, engine.Host) {
			return engine.Name
		}
	}
	return ci.Default
}
