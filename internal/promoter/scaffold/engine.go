package scaffold

import (
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// Engine chooses the CI engine of a repository: the one that it has files for, else the one that belongs to where it is
// hosted, else GitHub Actions. A source that no engine could fetch has none.
func Engine(files []string, source string) string {
	var found []string
	for _, engine := range Engines {
		if slices.ContainsFunc(files, func(f string) bool { return reads(engine, f) }) {
			found = append(found, engine)
		}
	}
	remote, hosted := gitrepo.ParseRemote(source)
	switch {
	case !hosted:
		return "none"
	case len(found) == 1:
		return found[0]
	case strings.Contains(remote.Host, "gitlab"):
		return "gitlab"
	}
	return "github"
}

func reads(engine, file string) bool {
	if engine == "github" {
		return strings.HasPrefix(file, ".github/workflows/")
	}
	return file == places[engine].dev
}
