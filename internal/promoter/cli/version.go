package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/pipeline"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Args: cobra.NoArgs,
		Short: "Derive the image tag and the chart version of the commit that is checked out",
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.session(c.Context())
			if err != nil {
				return err
			}
			v, err := pipeline.Version(c.Context(), s)
			if err != nil {
				return err
			}
			return a.result(v, [2]string{"chart version", v.Chart}, [2]string{"app version", v.App}, [2]string{"image tag", v.ImageTag},
				[2]string{"commit", v.Commit}, [2]string{"release", yes(v.Release)}, [2]string{"after", v.BaseTag}, [2]string{"CI", v.CI.Engine})
		},
	}
}
