package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func (a *app) yankCommand() *cobra.Command {
	var stage string
	c := &cobra.Command{
		Use: "yank CHART VERSION", Args: cobra.ExactArgs(2),
		Short: "Remove a version from the index of a stage",
		Long: `Remove a version from the index of a stage.

In a git repository or a directory the version's package stays, so that no other content is ever published as this version.
An OCI registry deletes the package.`,
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.project(c.Context())
			if err != nil {
				return err
			}
			r, err := step.Yank(c.Context(), p, stage, args[0], args[1])
			if err != nil {
				return err
			}
			return a.result(r, field{"stage", r.Stage}, field{"removed", r.Chart + " " + r.Version}, field{"changed", yes(r.Result.Changed)},
				field{"commit", r.Result.Commit}, field{"pull request", waitsIn(r.PullRequest)})
		},
	}
	c.Flags().StringVar(&stage, "stage", "", "stage to remove it from (default: the first that publishes)")
	return c
}
