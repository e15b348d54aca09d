package chart

import (
	"path"
	"path/filepath"
)

// TrailersDir is the directory of the candidates' repository with the trailers of candidates in files. It is no part of a chart, even of one that is
// the root of that repository.
const TrailersDir = ".chart-promoter"

// TrailersPath is the path of the file with the trailers of a chart's candidates, by the path of the chart in the candidates' repository, with slashes.
func TrailersPath(chartPath string) string {
	if chartPath = path.Clean(filepath.ToSlash(chartPath)); chartPath == "." {
		chartPath = "chart"
	}
	return TrailersDir + "/" + chartPath + ".txt"
}
