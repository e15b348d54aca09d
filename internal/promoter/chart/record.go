package chart

import (
	"path"
	"path/filepath"
)

// RecordDir is the directory of the candidates' repository with the records of candidates. It is no part of a chart, even of one that is
// the root of that repository.
const RecordDir = ".chart-promoter"

// RecordPath is the path of the record of a chart's candidates, by the path of the chart in the candidates' repository, with slashes.
func RecordPath(chartPath string) string {
	if chartPath = path.Clean(filepath.ToSlash(chartPath)); chartPath == "." {
		chartPath = "chart"
	}
	return RecordDir + "/" + chartPath + ".txt"
}
