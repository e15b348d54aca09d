package page

import (
	"strings"
	"time"
)

// Status is what the status page of a pipeline is made of.
type Status struct {
	// Name of the pipeline.
	Name string
	// Source is the address of the source repository, "" if it is on no web server.
	Source string
	// Stages in the order in which a version goes through them.
	Stages []Stage
}

// Stage is one stage with its versions, the newest first.
type Stage struct {
	Name     string
	Versions []Version
}

// Version is one version in a stage; what is not known is empty.
type Version struct {
	Version, AppVersion, Digest string
	Since                       time.Time
	// Commit of the source.
	Commit string
	// Tested says that a signed record is there.
	Tested                       bool
	Run, Passed, Failed, Skipped int
	TestedAt                     time.Time
	// TestedBy says what the tests were.
	TestedBy string
	// VerifiedBy is the address of a run or the name of a stage.
	VerifiedBy string
	Image      string
	ApprovedBy []string
	// Next is the stage that it can go on to, "" if there is none or it is there already; Missing are the
	// sentences that say what that stage still wants.
	Next    string
	Missing []string
}

type statusView struct {
	frame
	Name   string
	Stages []stageView
}

type stageView struct {
	Name string
	// Current is the newest version, nil if there is none.
	Current *statusRow
	Rows    []statusRow
}

type statusRow struct {
	Version
	CommitURL, RunURL string
}

// Render writes the page.
func (s Status) Render() ([]byte, error) {
	v := statusView{frame: newFrame(line(80, s.Name) + ": status"), Name: s.Name}
	for _, stage := range s.Stages {
		view := stageView{Name: stage.Name}
		for _, version := range stage.Versions {
			view.Rows = append(view.Rows, statusRow{version, s.commitURL(version.Commit), away(version.VerifiedBy)})
		}
		if len(view.Rows) > 0 {
			view.Current = &view.Rows[0]
		}
		v.Stages = append(v.Stages, view)
	}
	return render("status.html", v)
}

// commitURL is the page of a commit where the address of the repository says that there is one.
func (s Status) commitURL(commit string) string {
	source := away(strings.TrimSuffix(s.Source, ".git"))
	for host, path := range map[string]string{"github.com": "/commit/", "gitlab.com": "/-/commit/"} {
		if strings.HasPrefix(source, "https://"+host+"/") && word(commit) != "" {
			return source + path + commit
		}
	}
	return ""
}
