package pipeline

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/page"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
)

// statusVersions of each stage are on the status page that is published.
const statusVersions = 30

// landing is the landing page of a stage.
func (s *Session) landing(p *config.Publish) *publish.Page {
	r := page.Repository{Name: s.Config.Name, Address: servedAt(p)}
	if p.StatusPage {
		r.Status = page.StatusFile
	}
	return &publish.Page{Name: page.LandingFile, Render: r.Render}
}

// servedAt is where a chart repository is served: its URL, or of a repository on GitHub its page there; "" if neither
// says it.
func servedAt(p *config.Publish) string {
	if p.URL != "" {
		return p.URL
	}
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

// pageKept says when a page was not brought up to date.
func (s *Session) pageKept(r publish.Result, name string) {
	if r.PageKept {
		s.line("%s is not as chart-promoter wrote it and stays as it is; remove it there to have it written anew", name)
	}
}

// keepStatus brings the status page beside a stage's index up to date, if the stage has one.
func (s *Session) keepStatus(ctx context.Context, stage *config.Stage, target publish.Target) error {
	if !stage.Publish.StatusPage {
		return nil
	}
	r, err := target.KeepPage(ctx, page.StatusFile, func(ctx context.Context) ([]byte, error) {
		list, err := Status(ctx, s, statusVersions)
		if err != nil {
			return nil, err
		}
		return StatusPage(s.Config, list)
	})
	if err != nil {
		return fmt.Errorf("the package is done, %s of stage %s is not; run this again: %w", page.StatusFile, stage.Name, err)
	}
	s.pageKept(r, page.StatusFile)
	return nil
}

// StatusPage is what Status gives as a page of HTML.
func StatusPage(c *config.Config, list []StageVersion) ([]byte, error) {
	p := page.Status{Name: c.Name, Source: c.Source.Git}
	at := map[string]int{}
	for _, st := range c.Stages {
		if st.Candidate != nil || st.Publish != nil {
			at[st.Name] = len(p.Stages)
			p.Stages = append(p.Stages, page.Stage{Name: st.Name})
		}
	}
	for _, v := range list {
		row := page.Version{
			Version: v.Version, AppVersion: v.AppVersion, Digest: v.Digest, Since: v.Since, Commit: v.Commit,
			VerifiedBy: v.VerifiedBy, TestedBy: v.TestedBy, TestedAt: v.TestedAt, Image: v.Image, ApprovedBy: v.ApprovedBy, Next: v.Next,
		}
		if t := v.Tests; t != nil {
			row.Tested, row.Run, row.Passed, row.Failed, row.Skipped = true, t.Run, t.Passed, t.Failed, t.Skipped
		}
		for _, m := range v.Missing {
			row.Missing = append(row.Missing, m.Why)
		}
		stage := &p.Stages[at[v.Stage]]
		stage.Versions = append(stage.Versions, row)
	}
	return p.Render()
}
