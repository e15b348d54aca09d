package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func (a *app) runCommand() *cobra.Command {
	var o step.Options
	c := &cobra.Command{
		Use: "run", Args: cobra.NoArgs,
		Short: "Run all stages for the commit on this machine",
		RunE: func(c *cobra.Command, _ []string) error {
			p, unlock, err := a.locked(c.Context())
			if err != nil {
				return err
			}
			defer unlock()
			r, err := step.Run(c.Context(), p, o)
			if err != nil {
				return err
			}
			text := []field{{"version", r.Version.Chart}}
			if r.Build != nil {
				text = append(text, field{"image", r.Build.Ref()})
			}
			for _, d := range r.Promoted {
				text = append(text, field{d.Stage, d.Version + " sha256 " + d.PackageDigest})
			}
			for _, why := range r.Skipped {
				text = append(text, field{"skipped", why})
			}
			return a.result(r, text...)
		},
	}
	buildFlags(c, &o.Build)
	verifyFlags(c, &o.Verify)
	return c
}
