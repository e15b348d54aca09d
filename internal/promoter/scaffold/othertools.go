package scaffold

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// otherTools is what the files of chart-testing and chart-releaser state about a repository. Both tools release the version that
// Chart.yaml has.
type otherTools struct {
	used, releaser bool
	// Of chart-testing.
	ChartDirs      []string `json:"chart-dirs"`
	Charts         []string `json:"charts"`
	ExcludedCharts []string `json:"excluded-charts"`
	// Of chart-releaser.
	PagesBranch string `json:"pages-branch"`
	ChartsRepo  string `json:"charts-repo"`
}

var (
	testingFiles  = []string{"ct.yaml", ".ct.yaml", "chart-testing.yaml"}
	releaserFiles = []string{"cr.yaml", ".cr.yaml", "chart-releaser.yaml"}
)

func readOtherTools(root string, files []string) (o otherTools, err error) {
	for _, file := range files {
		of := path.Base(file)
		releaser := slices.Contains(releaserFiles, of)
		if strings.Contains(file, "charts/") || !releaser && !slices.Contains(testingFiles, of) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(root, file))
		if err == nil {
			err = yaml.Unmarshal(data, &o)
		}
		if err != nil {
			return o, fmt.Errorf("%w: %s: %w", failure.ErrInput, file, err)
		}
		o.used, o.releaser = true, o.releaser || releaser
	}
	return o, nil
}

// selected are the charts that chart-testing tests, or all if it would find none.
func (o otherTools) selected(found []string) []string {
	list := slices.DeleteFunc(slices.Clone(found), func(dir string) bool {
		return len(o.ChartDirs) > 0 && !slices.ContainsFunc(o.ChartDirs, func(d string) bool { return path.Clean(d) == path.Dir(dir) }) ||
			len(o.Charts) > 0 && !slices.ContainsFunc(o.Charts, func(d string) bool { return path.Clean(d) == dir }) ||
			slices.Contains(o.ExcludedCharts, path.Base(dir))
	})
	if len(list) == 0 {
		return found
	}
	return list
}

// pagesBranch is the usual name of a branch with a chart repository beside other branches.
const pagesBranch = "gh-pages"

// places sets where candidates and packages go. A branch of the source has packages if chart-releaser has put them there.
func (f *Facts) places(c Choices, tools otherTools) error {
	if c.Prod == "" && tools.releaser {
		f.Prod, f.ProdBranch, f.ProdURL = f.Source, tools.PagesBranch, tools.ChartsRepo
	}
	if sameRepository(f.Candidates, f.Source) {
		return fmt.Errorf("%w: --qa is the source repository, and candidates would be pushed to its branch main; name another repository", failure.ErrInput)
	}
	if f.ProdBranch == "" && (sameRepository(f.Prod, f.Source) || sameRepository(f.Prod, f.Candidates)) {
		f.ProdBranch = pagesBranch
	}
	return nil
}

// sameRepository compares two addresses, in any form that git takes.
func sameRepository(a, b string) bool {
	ra, hosted := gitrepo.ParseRemote(a)
	rb, both := gitrepo.ParseRemote(b)
	if hosted && both {
		return strings.EqualFold(ra.HTTPS(), rb.HTTPS())
	}
	return strings.TrimSuffix(strings.TrimRight(a, "/"), ".git") == strings.TrimSuffix(strings.TrimRight(b, "/"), ".git")
}
