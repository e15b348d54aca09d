package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/pipeline"
)

func (a *app) runCommand() *cobra.Command {
	var o pipeline.RunOptions
	c := &cobra.Command{
		Use: "run", Args: cobra.NoArgs,
		Short: "Take the commit through all stages, here",
		RunE: func(c *cobra.Command, _ []string) error {
			s, unlock, err := a.locked(c.Context())
			if err != nil {
				return err
			}
			defer unlock()
			r, err := pipeline.Run(c.Context(), s, o)
			if err != nil {
				return err
			}
			text := [][2]string{{"version", r.Version.Chart}}
			if r.Build != nil {
				text = append(text, [2]string{"image", r.Build.Ref()})
			}
			for _, p := range r.Promoted {
				text = append(text, [2]string{p.Stage, p.Version + " sha256 " + p.PackageDigest})
			}
			for _, why := range r.Skipped {
				text = append(text, [2]string{"not done", why})
			}
			return a.result(r, text...)
		},
	}
	buildFlags(c, &o.Build)
	verifyFlags(c, &o.Verify)
	return c
}
