package scaffold

import (
	"regexp"
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// packages reports whether the source has all charts, so that a pull request can check them: a candidate without a path of its chart is
// changed where it is.
func packages(c *config.Config) bool {
	return !slices.ContainsFunc(c.PerChart(), func(one *config.Config) bool { return one.Chart.Path == "" })
}

// tagPatterns are regular expressions of the version tags of the program and of all charts, as Travis reads them between slashes.
func tagPatterns(c *config.Config) (list []string) {
	prefixes := []string{c.Version.TagPrefix}
	for _, one := range c.PerChart() {
		prefixes = append(prefixes, one.ChartTags().Prefix)
	}
	for _, p := range prefixes {
		pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(p), "/", `\/`) + `v?\d+\.\d+(\.\d+)?(-[0-9A-Za-z.-]+)?$`
		if !slices.Contains(list, pattern) {
			list = append(list, pattern)
		}
	}
	return list
}

// pushed sets commits to those of a push that brought candidates, in their order, as the items of a list in JSON. Of a push that
// replaced the history, or created the branch, it is the last commit.
var pushed = []string{
	`git merge-base --is-ancestor "$BEFORE" HEAD || BEFORE=$(git rev-list --first-parent --skip=1 -n 1 HEAD)`,
	`commits=$(git log -m --first-parent --reverse --no-renames --diff-filter=AM --format='"%H"' HEAD ${BEFORE:+"^$BEFORE"} -- ` + chart.TrailersDir + ` | paste -sd, -)`,
}

// oneSource ends with an error for candidates of several commits of the source: a job can check out only one of them.
const oneSource = ` | sort -u | awk 'NR > 1 { print "this commit has candidates of several commits of the source; merge one pull request at a time" > "/dev/stderr"; exit 1 } 1'`
