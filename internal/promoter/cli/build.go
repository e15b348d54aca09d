package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/pipeline"
)

func buildFlags(c *cobra.Command, o *pipeline.BuildOptions) {
	c.Flags().BoolVar(&o.SkipTests, "skip-unit-tests", false, "do not run the unit tests first")
	c.Flags().StringSliceVar(&o.Platforms, "platform", nil, "platforms to build for, such as linux/amd64 (default: those of the configuration)")
}

func (a *app) buildCommand() *cobra.Command {
	var o pipeline.BuildOptions
	c := &cobra.Command{
		Use: "build", Args: cobra.NoArgs,
		Short: "Run the unit tests of the commit, build its image and push it",
		RunE: func(c *cobra.Command, _ []string) error {
			s, unlock, err := a.locked(c.Context())
			if err != nil {
				return err
			}
			defer unlock()
			r, err := pipeline.Build(c.Context(), s, o)
			if err != nil {
				return err
			}
			return a.result(r, [2]string{"image", r.Ref()}, [2]string{"pushed", yes(r.Pushed)}, [2]string{"latest", yes(r.Latest)}, [2]string{"not pushed", r.Withheld})
		},
	}
	buildFlags(c, &o)
	return c
}
