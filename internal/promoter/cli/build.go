package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func buildFlags(c *cobra.Command, o *step.BuildOptions) {
	c.Flags().BoolVar(&o.SkipTests, "skip-unit-tests", false, "do not run the unit tests first")
	c.Flags().StringSliceVar(&o.Platforms, "platform", nil, "platforms to build for, such as linux/amd64 (default: those of the configuration)")
}

func (a *app) buildCommand() *cobra.Command {
	var o step.BuildOptions
	c := &cobra.Command{
		Use: "build", Args: cobra.NoArgs,
		Short: "Run the unit tests of the commit, build its image and push it",
		RunE: func(c *cobra.Command, _ []string) error {
			p, unlock, err := a.locked(c.Context())
			if err != nil {
				return err
			}
			defer unlock()
			r, err := step.Build(c.Context(), p, o)
			if err != nil {
				return err
			}
			return a.result(r, field{"image", r.Ref()}, field{"pushed", yes(r.Pushed)}, field{"latest", yes(r.Latest)}, field{"not pushed", r.Withheld})
		},
	}
	buildFlags(c, &o)
	return c
}
