package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func (a *app) promoteCommand() *cobra.Command {
	var o step.PromoteOptions
	var earlier []string
	c := &cobra.Command{
		Use: "promote", Args: cobra.NoArgs,
		Short: "Publish the tested package in a stage, if its guards allow it",
		RunE: func(c *cobra.Command, _ []string) error {
			p, unlock, err := a.locked(c.Context())
			if err != nil {
				return err
			}
			defer unlock()
			o.Attestations = append(o.Attestations, earlier...)
			r, err := step.Promote(c.Context(), p, o)
			if err != nil {
				return err
			}
			return a.result(r, field{"stage", r.Stage}, field{"package", r.Chart + " " + r.Version}, field{"sha256", r.PackageDigest},
				field{"changed", yes(r.Changed)}, field{"location", r.Location}, field{"commit", r.Commit}, field{"pull request", waitsIn(r.PullRequest)})
		},
	}
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
