package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func (a *app) bumpCommand() *cobra.Command {
	var o step.BumpOptions
	s := step.Selection{Candidates: true}
	c := &cobra.Command{
		Use: "bump", Args: cobra.NoArgs,
		Short: "Update the candidates' repository to the version of this commit",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.forChanged(c.Context(), s, func(p *step.Project) (any, []field, error) { return a.bump(c.Context(), p, o) })
		},
	}
	c.Flags().BoolVar(&o.AllowOlder, "allow-older", false, "replace the candidate also if it was built from a newer commit")
	chartFlags(c, &s, "those that are changed")
	sinceFlag(c, &s)
	return c
}

func (a *app) bump(ctx context.Context, p *step.Project, o step.BumpOptions) (any, []field, error) {
	r, err := step.BumpWith(ctx, p, o)
	if err != nil {
		return nil, nil, err
	}
	if r.Diff != "" && a.output == "text" {
		p.Report.Line(r.Diff)
	}
	return r, []field{{"candidate", r.Version.Chart}, {"image", r.Image}, {"commit", r.Commit}, {"changed", yes(r.Changed)}, {"pull request", waitsIn(r.PullRequest)}}, nil
}
