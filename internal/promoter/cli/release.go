package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/pipeline"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

func (a *app) releaseCommand() *cobra.Command {
	var o pipeline.ReleaseOptions
	c := &cobra.Command{
		Use: "release [major|minor|patch]", Args: cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs), ValidArgs: []string{"major", "minor", "patch"},
		Short: "Tag this commit with the next version and push the tag; without an argument the commits' messages decide",
		RunE: func(c *cobra.Command, args []string) error {
			s, err := a.session(c.Context())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				o.Bump = version.Bump(args[0])
			}
			r, err := pipeline.Release(c.Context(), s, o)
			if err != nil {
				return err
			}
			return a.result(r, [2]string{"tag", r.Tag}, [2]string{"after", r.After}, [2]string{"commit", r.Commit}, [2]string{"pushed", yes(r.Pushed)})
		},
	}
	c.Flags().StringVar(&o.Version, "version", "", "tag to make instead of the next one, such as 1.0.0-rc.1")
	c.Flags().BoolVar(&o.Sign, "sign", false, "sign the tag with the key of git's configuration (user.signingKey, gpg.format)")
	c.Flags().BoolVar(&o.NoPush, "no-push", false, "make the tag here and do not push it")
	return c
}
