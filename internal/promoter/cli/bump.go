package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/pipeline"
)

func (a *app) bumpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "bump", Args: cobra.NoArgs,
		Short: "Bring the candidates' repository to the version of this commit",
		RunE: func(c *cobra.Command, _ []string) error {
			s, unlock, err := a.locked(c.Context())
			if err != nil {
				return err
			}
			defer unlock()
			r, err := pipeline.Bump(c.Context(), s)
			if err != nil {
				return err
			}
			if r.Diff != "" && a.output == "text" {
				s.Report.Line(r.Diff)
			}
			return a.result(r, [2]string{"candidate", r.Version.Chart}, [2]string{"image", r.Image}, [2]string{"commit", r.Commit}, [2]string{"changed", yes(r.Changed)})
		},
	}
}
