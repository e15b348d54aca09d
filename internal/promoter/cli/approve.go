package cli

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/pipeline"
)

func (a *app) approveCommand() *cobra.Command {
	o := pipeline.ApproveOptions{Key: pipeline.ApproverKey()}
	c := &cobra.Command{
		Use: "approve", Args: cobra.NoArgs,
		Short: "Sign that a package may go to a stage",
		RunE: func(c *cobra.Command, _ []string) error {
			s, unlock, err := a.locked(c.Context())
			if err != nil {
				return err
			}
			defer unlock()
			// Paths of flags count from here, those of the configuration from the repository's root.
			if o.Key.File != "" {
				if o.Key.File, err = filepath.Abs(o.Key.File); err != nil {
					return err
				}
			}
			r, err := pipeline.Approve(c.Context(), s, o)
			if err != nil {
				return err
			}
			return a.result(r, [2]string{"stage", r.Stage}, [2]string{"package", r.Chart + " " + r.Version}, [2]string{"sha256", r.PackageDigest},
				[2]string{"approved by", r.By}, [2]string{"approval", r.File})
		},
	}
	f := c.Flags()
	f.StringVar(&o.Stage, "stage", "", "stage the package may go to (default: the first that publishes)")
	f.StringVar(&o.Package, "package", "", "the package (default: the one that verify left in the work directory)")
	f.StringVar(&o.By, "by", "", "name of the approver")
	f.StringVar(&o.Comment, "comment", "", "why")
	f.StringVar(&o.Key.File, "key", "", "file with the approver's private key (default: the variable "+ci.ApproverKey+")")
	return c
}
