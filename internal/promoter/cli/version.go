package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Args: cobra.NoArgs,
		Short: "Derive the image tag and the chart version of the commit that is checked out",
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := a.project(c.Context())
			if err != nil {
				return err
			}
			v, err := step.Version(c.Context(), p)
			if err != nil {
				return err
			}
			return a.result(v, field{"chart version", v.Chart}, field{"app version", v.App}, field{"image tag", v.ImageTag},
				field{"commit", v.Commit}, field{"release", yes(v.Release)}, field{"after", v.BaseTag}, field{"CI", v.CI.Engine})
		},
	}
}
