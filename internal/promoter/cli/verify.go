package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func verifyFlags(c *cobra.Command, o *step.VerifyOptions) {
	c.Flags().StringVar(&o.Kubeconfig, "kubeconfig", "", "use this cluster instead of a new one; the release is uninstalled at the end")
	c.Flags().StringVar(&o.ClusterName, "cluster", "", "name of the kind cluster to create, or with --kubeconfig of the one to load images into (default: a unique name)")
	c.Flags().BoolVar(&o.Keep, "keep-cluster", false, "keep the cluster and the release for inspection")
}

func (a *app) verifyCommand() *cobra.Command {
	var o step.VerifyOptions
	c := &cobra.Command{
		Use: "verify", Args: cobra.NoArgs,
		Short: "Package the candidate, install it in a cluster and run the tests of its source commit",
		RunE: func(c *cobra.Command, _ []string) error {
			p, unlock, err := a.locked(c.Context())
			if err != nil {
				return err
			}
			defer unlock()
			r, err := step.Verify(c.Context(), p, o)
			if err != nil {
				return err
			}
			return a.result(r, field{"candidate", r.Chart + " " + r.Version}, field{"package", r.Package}, field{"sha256", r.PackageDigest},
				field{"image", r.Image}, field{"source", r.SourceCommit}, field{"upgraded from", r.UpgradedFrom}, field{"Helm", strings.Trim(fmt.Sprint(r.Helm), "[]")},
				field{"tests", fmt.Sprintf("%d passed, %d failed", r.Tests.Passed, r.Tests.Failed)}, field{"tested by", r.TestedBy}, field{"attestation", r.Attestation}, field{"not signed", r.Withheld})
		},
	}
	verifyFlags(c, &o)
	c.Flags().StringVar(&o.Stage, "stage", "", "stage that tests (default: the first that does)")
	c.Flags().StringVar(&o.Package, "package", "", "package that a later stage tests (default: the one that verify wrote to the work directory)")
	c.Flags().StringArrayVar(&o.Attestations, "attestation", nil, "file with the first stage's attestation of that package; can be repeated")
	c.Flags().StringVar(&o.Candidate, "candidate", "", "a checkout of the candidates' repository; the files that git tracks are packaged as they are now (default: a fresh clone)")
	c.Flags().StringVar(&o.Commit, "commit", "", "commit of the candidate, in a fresh clone (default: the last of the branch)")
	return c
}
