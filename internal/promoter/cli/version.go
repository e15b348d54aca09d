package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func (a *app) versionCommand() *cobra.Command {
	var s step.Selection
	c := &cobra.Command{
		Use: "version", Args: cobra.NoArgs,
		Short: "Derive the image tag and the chart version of the commit that is checked out",
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := a.project(c.Context())
			if err != nil {
				return err
			}
			choose := func(p *step.Project) ([]*step.Project, error) {
				s.All = len(s.Names) == 0
				return p.Select(c.Context(), s)
			}
			return a.each(c.Context(), p.Reading(), choose, func(p *step.Project) (any, []field, error) {
				v, err := step.Version(c.Context(), p)
				if err != nil {
					return nil, nil, err
				}
				return v, []field{
					{"chart version", v.Chart}, {"app version", v.App}, {"image tag", v.ImageTag},
					{"commit", v.Commit}, {"release", yes(v.Release)}, {"after", v.BaseTag}, {"CI", v.CI.Engine},
				}, nil
			})
		},
	}
	chartFlags(c, &s, "all")
	return c
}
