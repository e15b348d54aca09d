package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func (a *app) runCommand() *cobra.Command {
	var o step.Options
	s := step.Selection{Candidates: true}
	c := &cobra.Command{
		Use: "run", Args: cobra.NoArgs,
		Short: "Run all stages for the commit on this machine",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.forChanged(c.Context(), s, func(p *step.Project) (any, []field, error) { return run(c.Context(), p, o) })
		},
	}
	buildFlags(c, &o.Build)
	verifyFlags(c, &o.Verify)
	chartFlags(c, &s, "those that are changed")
	sinceFlag(c, &s)
	return c
}

func run(ctx context.Context, p *step.Project, o step.Options) (any, []field, error) {
	r, err := step.Run(ctx, p, o)
	if err != nil {
		return nil, nil, err
	}
	text := []field{{"version", r.Version.Chart}}
	if r.Build != nil {
		text = append(text, field{"image", r.Build.Ref()})
	}
	for _, d := range r.Promoted {
		text = append(text, field{d.Stage, d.Version + " sha256 " + d.PackageDigest})
	}
	for _, why := range r.Skipped {
		text = append(text, field{"skipped", why})
	}
	return r, text, nil
}
