package cli

import (
	"github.com/spf13/cobra"
)

func (a *app) yankCommand() *cobra.Command {
	var stage string
	c := &cobra.Command{
		Use: "yank CHART VERSION", Args: cobra.ExactArgs(2),
		Short: "Remove a version from a stage's index; git and directories keep its package, so that no other content ever gets the version, and an OCI registry deletes it",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.project(c.Context())
			if err != nil {
				return err
			}
			r, err := p.Stages().Yank(c.Context(), stage, args[0], args[1])
			if err != nil {
				return err
			}
			return a.result(r, field{"stage", r.Stage}, field{"withdrawn", r.Chart + " " + r.Version}, field{"changed", yes(r.Result.Changed)}, field{"commit", r.Result.Commit})
		},
	}
	c.Flags().StringVar(&stage, "stage", "", "stage to withdraw it from (default: the first that publishes)")
	return c
}
