package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/release"
	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

func (a *app) releaseCommand() *cobra.Command {
	var o release.Options
	var s step.Selection
	c := &cobra.Command{
		Use: "release [major|minor|patch]", Args: cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs), ValidArgs: []string{"major", "minor", "patch"},
		Short: "Tag this commit with the next version and push the tag; without an argument the version follows from the commit messages",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.project(c.Context())
			if err != nil {
				return err
			}
			o.DryRun = a.dryRun
			if len(args) == 1 {
				o.Bump = version.Bump(args[0])
			}
			choose := func(p *step.Project) ([]*step.Project, error) { return toRelease(c.Context(), p, s) }
			ofChart := len(s.Names) > 0 || s.All
			return a.each(c.Context(), p, choose, func(p *step.Project) (any, []field, error) { return releaseOne(c.Context(), p, o, ofChart) })
		},
	}
	chartFlags(c, &s, "none, the program is released")
	c.Flags().StringVar(&o.Version, "version", "", "version to release instead of the next one, such as 1.0.0-rc.1")
	c.Flags().BoolVar(&o.Sign, "sign", false, "sign the tag with the key of git's configuration (user.signingKey, gpg.format)")
	c.Flags().BoolVar(&o.NoPush, "no-push", false, "create the tag locally and do not push it")
	return c
}

// toRelease are the charts to release: several charts are never released because a flag was forgotten.
func toRelease(ctx context.Context, p *step.Project, s step.Selection) ([]*step.Project, error) {
	if len(p.Config.Charts) > 0 && len(s.Names) == 0 && !s.All {
		return nil, fmt.Errorf("%w: the configuration has several charts; select those to release with --chart NAME, or all that are changed with --all", failure.ErrInput)
	}
	s.All = false
	return p.Select(ctx, s)
}

// releaseOne tags the program or the chart, or raises the version in Chart.yaml where the chart's is in that file.
func releaseOne(ctx context.Context, p *step.Project, o release.Options, ofChart bool) (any, []field, error) {
	o.Tags = p.Config.Version.Tags()
	if ofChart {
		if p.VersionIsInFile() {
			r, err := p.Raise(ctx, o.Bump, o.Version)
			if err != nil {
				return nil, nil, err
			}
			return r, []field{{"version", r.Version}, {"after", r.After}, {"file", r.File}, {"next", "commit it with the change"}}, nil
		}
		o.Tags, o.Chart = p.Config.ChartTags(), p.Config.Label()
		var err error
		if o.Paths, err = p.ChartPaths(ctx); err != nil {
			return nil, nil, err
		}
	}
	r, err := release.Tag(ctx, p.Dir, p.GitOfSource(ctx), o)
	if err != nil {
		return nil, nil, err
	}
	return r, []field{{"tag", r.Tag}, {"after", r.After}, {"commit", r.Commit}, {"pushed", yes(r.Pushed)}, {"nothing to release", r.Nothing}}, nil
}
