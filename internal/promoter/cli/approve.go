package cli

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/policy"
	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func (a *app) approveCommand() *cobra.Command {
	o := step.ApproveOptions{Key: policy.ApproverKey}
	c := &cobra.Command{
		Use: "approve", Args: cobra.NoArgs,
		Short: "Sign an approval of a package for a stage",
		RunE: func(c *cobra.Command, _ []string) error {
			p, unlock, err := a.locked(c.Context())
			if err != nil {
				return err
			}
			defer unlock()
			// Paths of flags are relative to the current directory, those of the configuration to the repository's root.
			if o.Key.File != "" {
				if o.Key.File, err = filepath.Abs(o.Key.File); err != nil {
					return err
				}
			}
			r, err := step.Approve(p, o)
			if err != nil {
				return err
			}
			return a.result(r, field{"stage", r.Stage}, field{"package", r.Chart + " " + r.Version}, field{"sha256", r.PackageDigest},
				field{"approved by", r.By}, field{"approval", r.File})
		},
	}
	f := c.Flags()
	f.StringVar(&o.Stage, "stage", "", "stage that the package may be published in (default: the first that publishes)")
	f.StringVar(&o.Package, "package", "", "the package (default: the one that verify wrote to the work directory)")
	f.StringVar(&o.By, "by", "", "name of the approver")
	f.StringVar(&o.Comment, "comment", "", "reason for the approval")
	f.StringVar(&o.Key.File, "key", "", "file with the approver's private key (default: the variable "+ci.ApproverKey+")")
	return c
}
