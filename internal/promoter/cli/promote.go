package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/pipeline"
)

func (a *app) promoteCommand() *cobra.Command {
	var o pipeline.PromoteOptions
	c := &cobra.Command{
		Use: "promote", Args: cobra.NoArgs,
		Short: "Publish the tested package in a stage, if its guards allow it",
		RunE: func(c *cobra.Command, _ []string) error {
			s, unlock, err := a.locked(c.Context())
			if err != nil {
				return err
			}
			defer unlock()
			r, err := pipeline.Promote(c.Context(), s, o)
			if err != nil {
				return err
			}
			return a.result(r, [2]string{"stage", r.Stage}, [2]string{"package", r.Chart + " " + r.Version}, [2]string{"sha256", r.PackageDigest},
				[2]string{"changed", yes(r.Changed)}, [2]string{"location", r.Location}, [2]string{"commit", r.Commit})
		},
	}
	f := c.Flags()
	f.StringVar(&o.Stage, "stage", "", "stage to publish in (default: the first that publishes)")
	f.StringVar(&o.Package, "package", "", "package to publish (default: the one that verify left in the work directory)")
	f.StringArrayVar(&o.Records, "record", nil, "signed record or approval of the package, as often as needed")
	f.BoolVar(&o.SkipUnreleased, "skip-unreleased", false, "end well, without publishing, when it is a development build or a prerelease that the stage does not take")
	return c
}
