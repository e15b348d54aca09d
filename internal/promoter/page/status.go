package page

import (
	"slices"
	"strings"
	"time"
)

// Status is the data of the status page of a pipeline.
type Status struct {
	// Name of the pipeline.
	Name string
	// Source is the URL of the source repository, "" if it is not on a web server.
	Source string
	// Charts is set for a pipeline of several charts: each version is shown with the name of its chart.
	Charts bool
	// Stages in the order in which a version goes through them.
	Stages []Stage
}

// Stage is one stage with its versions, the newest first.
type Stage struct {
	Name     string
	Versions []Version
}

// Version is one version in a stage; unknown fields are empty.
type Version struct {
	Chart, Version, AppVersion, Digest string
	Since                              time.Time
	// Commit of the source.
	Commit string
	// Tested means that a signed attestation exists.
	Tested                       bool
	Run, Passed, Failed, Skipped int
	TestedAt                     time.Time
	// TestedBy describes the tests.
	TestedBy string
	// VerifiedBy is the address of a run or the name of a stage.
	VerifiedBy string
	Image      string
	ApprovedBy []string
	// Next is the next stage, "" if there is none or the version reached it already. Missing has a sentence for each
	// requirement of that stage that the version does not meet.
	Next    string
	Missing []string
}

type statusView struct {
	frame
	Name   string
	Charts bool
	Stages []stageView
}

type stageView struct {
	Name string
	// Current are the newest versions, one of each chart; none if there is none.
	Current []statusRow
	Rows    []statusRow
}

type statusRow struct {
	Version
	CommitURL, RunURL string
	// Of is the name of the chart where there are several.
	Of string
}

// Render renders the page.
func (s Status) Render() ([]byte, error) {
	v := statusView{frame: newFrame(line(80, s.Name) + ": status"), Name: s.Name, Charts: s.Charts}
	for _, stage := range s.Stages {
		view := stageView{Name: stage.Name}
		for _, version := range stage.Versions {
			row := statusRow{Version: version, CommitURL: s.commitURL(version.Commit), RunURL: away(version.VerifiedBy)}
			if s.Charts {
				row.Of = version.Chart
			}
			view.Rows = append(view.Rows, row)
			if !slices.ContainsFunc(view.Current, func(r statusRow) bool { return r.Of == row.Of }) {
				view.Current = append(view.Current, row)
			}
		}
		v.Stages = append(v.Stages, view)
	}
	return render("status.html", v)
}

// commitURL is the page of a commit, "" for repositories on unknown hosts.
func (s Status) commitURL(commit string) string {
	source := away(strings.TrimSuffix(s.Source, ".git"))
	for host, path := range map[string]string{"github.com": "/commit/", "gitlab.com": "/-/commit/"} {
		if strings.HasPrefix(source, "https://"+host+"/") && word(commit) != "" {
			return source + path + commit
		}
	}
	return ""
}
