package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/pipeline"
)

func (a *app) yankCommand() *cobra.Command {
	var stage string
	c := &cobra.Command{
		Use: "yank CHART VERSION", Args: cobra.ExactArgs(2),
		Short: "Take a version out of a stage's index; in git or a directory its package stays, so that no other content ever gets the version, an OCI registry forgets it",
		RunE: func(c *cobra.Command, args []string) error {
			s, err := a.session(c.Context())
			if err != nil {
				return err
			}
			r, err := pipeline.Yank(c.Context(), s, stage, args[0], args[1])
			if err != nil {
				return err
			}
			return a.result(r, [2]string{"stage", r.Stage}, [2]string{"withdrawn", r.Chart + " " + r.Version}, [2]string{"changed", yes(r.Result.Changed)}, [2]string{"commit", r.Result.Commit})
		},
	}
	c.Flags().StringVar(&stage, "stage", "", "stage to withdraw it from (default: the first that publishes)")
	return c
}
