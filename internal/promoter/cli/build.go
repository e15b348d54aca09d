package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func buildFlags(c *cobra.Command, o *step.BuildOptions) {
	c.Flags().BoolVar(&o.SkipTests, "skip-unit-tests", false, "do not run the unit tests first")
	c.Flags().StringSliceVar(&o.Platforms, "platform", nil, "platforms to build for, such as linux/amd64 (default: those of the configuration)")
	c.Flags().StringToStringVar(&o.Digests, "image-digest", nil, "digest of an image that was built elsewhere, as NAME=sha256:…")
}

func (a *app) buildCommand() *cobra.Command {
	var o step.BuildOptions
	s := step.Selection{Candidates: true}
	c := &cobra.Command{
		Use: "build", Args: cobra.NoArgs,
		Short: "Run the unit tests of the commit, build its image and push it",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.forChanged(c.Context(), s, func(p *step.Project) (any, []field, error) {
				r, err := step.Build(c.Context(), p, o)
				if err != nil {
					return nil, nil, err
				}
				return r, []field{{"image", r.Ref()}, {"pushed", yes(r.Pushed)}, {"latest", yes(r.Latest)}, {"not pushed", r.Withheld}}, nil
			})
		},
	}
	buildFlags(c, &o)
	chartFlags(c, &s, "those that are changed")
	sinceFlag(c, &s)
	return c
}
