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
	var s step.Selection
	c := &cobra.Command{
		Use: "approve", Args: cobra.NoArgs,
		Short: "Sign an approval of a package for a stage",
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			// Paths of flags are relative to the current directory, those of the configuration to the repository's root.
			if o.Key.File != "" {
				if o.Key.File, err = filepath.Abs(o.Key.File); err != nil {
					return err
				}
			}
			choose := func(p *step.Project) ([]*step.Project, error) { return p.SelectForApprove(s, o.Package) }
			return a.forCharts(c.Context(), choose, func(p *step.Project) (any, []field, error) {
				r, err := step.Approve(p, o)
				if err != nil {
					return nil, nil, err
				}
				return r, []field{
					{"stage", r.Stage}, {"package", r.Chart + " " + r.Version}, {"sha256", r.PackageDigest}, {"approved by", r.By}, {"approval", r.File},
				}, nil
			})
		},
	}
	chartFlags(c, &s, "the only one that verify left a package of")
	f := c.Flags()
	f.StringVar(&o.Stage, "stage", "", "stage that the package may be published in (default: the first that publishes)")
	f.StringVar(&o.Package, "package", "", "the package (default: the one that verify wrote to the work directory)")
	f.StringVar(&o.By, "by", "", "name of the approver")
	f.StringVar(&o.Comment, "comment", "", "reason for the approval")
	f.StringVar(&o.Key.File, "key", "", "file with the approver's private key (default: the variable "+ci.ApproverKey+")")
	return c
}
