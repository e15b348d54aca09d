package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func (a *app) bumpCommand() *cobra.Command {
	var o step.BumpOptions
	c := &cobra.Command{
		Use: "bump", Args: cobra.NoArgs,
		Short: "Update the candidates' repository to the version of this commit",
		RunE: func(c *cobra.Command, _ []string) error {
			p, unlock, err := a.locked(c.Context())
			if err != nil {
				return err
			}
			defer unlock()
			r, err := step.BumpWith(c.Context(), p, o)
			if err != nil {
				return err
			}
			if r.Diff != "" && a.output == "text" {
				p.Report.Line(r.Diff)
			}
			return a.result(r, field{"candidate", r.Version.Chart}, field{"image", r.Image}, field{"commit", r.Commit}, field{"changed", yes(r.Changed)}, field{"pull request", waitsIn(r.PullRequest)})
		},
	}
	c.Flags().BoolVar(&o.AllowOlder, "allow-older", false, "replace the candidate also if it was built from a newer commit")
	return c
}
