package stages

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/page"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
)

// statusVersions is the number of versions of each stage on the published status page.
const statusVersions = 30

func (s Stages) landingPage(p *config.Publish) *publish.Page {
	r := page.Repository{Name: s.Config.Whole().Name, Address: servedAt(p)}
	if p.StatusPage {
		r.Status = page.StatusFile
	}
	return &publish.Page{Name: page.LandingFile, Render: r.Render}
}

// servedAt is the address at which a chart repository is served: its URL, or that of the GitHub page of a repository on GitHub; ""
// if neither is known. GitHub serves a branch from its root, or its folder docs in place of it.
func servedAt(p *config.Publish) string {
	if p.URL != "" {
		return p.URL
	}
	site := githubSite(p)
	if folder := path.Clean("/" + p.Path); site != "" && folder != "/" && folder != "/docs" {
		return site + folder
	}
	return site
}

func githubSite(p *config.Publish) string {
	u, err := url.Parse(p.Git)
	if err != nil || u.Host != "github.com" {
		return ""
	}
	owner, repo, found := strings.Cut(strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git"), "/")
	if !found || strings.Contains(repo, "/") {
		return ""
	}
	host := strings.ToLower(owner) + ".github.io"
	if strings.EqualFold(repo, host) {
		return "https://" + host
	}
	return "https://" + host + "/" + repo
}

// ReportResult reports what is unusual about a publication: a branch that did not exist, a landing page that was not updated.
func (s Stages) ReportResult(r publish.Result) {
	if r.NewBranch != "" {
		report.Linef(s.Report, "branch %s is new and has no history in common with other branches", r.NewBranch)
	}
	s.reportKept(r, page.LandingFile)
}

func (s Stages) reportKept(r publish.Result, name string) {
	if r.PageKept {
		report.Linef(s.Report, "%s was not written by chart-promoter, or was edited since, and is kept; remove it there so that it is written again", name)
	}
}

// WriteStatusPage updates the status page beside a stage's index, if the stage has one.
func (s Stages) WriteStatusPage(ctx context.Context, stage *config.Stage, target publish.Target) error {
	if !stage.Publish.StatusPage {
		return nil
	}
	r, err := target.KeepPage(ctx, page.StatusFile, func(ctx context.Context) ([]byte, error) {
		list, err := s.Status(ctx, statusVersions)
		if err != nil {
			return nil, err
		}
		return StatusPage(s.Config, list)
	})
	if err != nil {
		return fmt.Errorf("the package is published, but %s of stage %s is not; run this again: %w", page.StatusFile, stage.Name, err)
	}
	s.reportKept(r, page.StatusFile)
	return nil
}

// StatusPage is the result of Status as an HTML page.
func StatusPage(c *config.Config, list []Version) ([]byte, error) {
	c = c.Whole()
	p := page.Status{Name: c.Name, Source: c.Source.Git, Charts: len(c.Charts) > 0}
	at := map[string]int{}
	for _, st := range c.Stages {
		if st.Candidate != nil || st.Publish != nil {
			at[st.Name] = len(p.Stages)
			p.Stages = append(p.Stages, page.Stage{Name: st.Name})
		}
	}
	for _, v := range list {
		stage := &p.Stages[at[v.Stage]]
		stage.Versions = append(stage.Versions, v.row())
	}
	return p.Render()
}

func (v *Version) row() page.Version {
	row := page.Version{
		Chart: v.Chart, Version: v.Version, AppVersion: v.AppVersion, Digest: v.Digest, Since: v.Since, Commit: v.Commit,
		VerifiedBy: v.VerifiedBy, TestedBy: v.TestedBy, TestedAt: v.TestedAt, Image: v.Image, ApprovedBy: v.ApprovedBy, Next: v.Next,
	}
	if t := v.Tests; t != nil {
		row.Tested, row.Run, row.Passed, row.Failed, row.Skipped = true, t.Run, t.Passed, t.Failed, t.Skipped
	}
	for _, m := range v.Missing {
		row.Missing = append(row.Missing, m.Why)
	}
	return row
}
