package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func (a *app) promoteCommand() *cobra.Command {
	var o step.PromoteOptions
	var earlier []string
	var s step.Selection
	c := &cobra.Command{
		Use: "promote", Args: cobra.NoArgs,
		Short: "Publish the tested package in a stage, if its guards allow it",
		RunE: func(c *cobra.Command, _ []string) error {
			o.Attestations = append(o.Attestations, earlier...)
			choose := func(p *step.Project) ([]*step.Project, error) { return p.SelectForPromote(s, o.Package) }
			return a.forCharts(c.Context(), choose, func(p *step.Project) (any, []field, error) {
				r, err := step.Promote(c.Context(), p, o)
				if err != nil {
					return nil, nil, err
				}
				return r, []field{
					{"stage", r.Stage}, {"package", r.Chart + " " + r.Version}, {"sha256", r.PackageDigest},
					{"changed", yes(r.Changed)}, {"location", r.Location}, {"commit", r.Commit}, {"pull request", waitsIn(r.PullRequest)},
				}, nil
			})
		},
	}
	chartFlags(c, &s, "those that verify left a package of")
	f := c.Flags()
	f.StringVar(&o.Stage, "stage", "", "stage to publish in (default: the first that publishes)")
	f.StringVar(&o.Package, "package", "", "package to publish (default: the one that verify wrote to the work directory)")
	f.StringArrayVar(&o.Attestations, "attestation", nil, "file with a signed attestation or approval of the package; can be repeated")
	f.StringArrayVar(&earlier, "record", nil, "the former name of --attestation")
	_ = f.MarkHidden("record")
	f.BoolVar(&o.SkipUnreleased, "skip-unreleased", false, "succeed without publishing when the package is a development build or a prerelease that the stage does not accept")
	f.BoolVar(&o.SkipYoung, "skip-young", false, "succeed without publishing when only guards.minAge does not accept the package yet")
	return c
}
