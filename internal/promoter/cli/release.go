package cli

import (
	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/release"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

func (a *app) releaseCommand() *cobra.Command {
	var o release.Options
	c := &cobra.Command{
		Use: "release [major|minor|patch]", Args: cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs), ValidArgs: []string{"major", "minor", "patch"},
		Short: "Tag this commit with the next version and push the tag; without an argument the version follows from the commit messages",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.project(c.Context())
			if err != nil {
				return err
			}
			o.DryRun, o.Tags = a.dryRun, p.Config.Version.Tags()
			if len(args) == 1 {
				o.Bump = version.Bump(args[0])
			}
			r, err := release.Tag(c.Context(), p.Dir, p.GitOfSource(c.Context()), o)
			if err != nil {
				return err
			}
			return a.result(r, field{"tag", r.Tag}, field{"after", r.After}, field{"commit", r.Commit}, field{"pushed", yes(r.Pushed)},
				field{"nothing to release", r.Nothing})
		},
	}
	c.Flags().StringVar(&o.Version, "version", "", "tag to create instead of the next one, such as 1.0.0-rc.1")
	c.Flags().BoolVar(&o.Sign, "sign", false, "sign the tag with the key of git's configuration (user.signingKey, gpg.format)")
	c.Flags().BoolVar(&o.NoPush, "no-push", false, "create the tag locally and do not push it")
	return c
}
