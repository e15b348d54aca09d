package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/pipeline"
)

func verifyFlags(c *cobra.Command, o *pipeline.VerifyOptions) {
	c.Flags().StringVar(&o.Kubeconfig, "kubeconfig", "", "use this cluster instead of a new one; what is installed is taken away again")
	c.Flags().StringVar(&o.ClusterName, "cluster", "", "name of the kind cluster to make, or with --kubeconfig of the one to load images into (default: a unique name)")
	c.Flags().BoolVar(&o.KeepCluster, "keep-cluster", false, "leave the cluster, and what is installed, for a look")
}

func (a *app) verifyCommand() *cobra.Command {
	var o pipeline.VerifyOptions
	c := &cobra.Command{
		Use: "verify", Args: cobra.NoArgs,
		Short: "Package the candidate, install it in a cluster and run the tests of its source commit",
		RunE: func(c *cobra.Command, _ []string) error {
			s, unlock, err := a.locked(c.Context())
			if err != nil {
				return err
			}
			defer unlock()
			r, err := pipeline.Verify(c.Context(), s, o)
			if err != nil {
				return err
			}
			return a.result(r, [2]string{"candidate", r.Chart + " " + r.Version}, [2]string{"package", r.Package}, [2]string{"sha256", r.PackageDigest},
				[2]string{"image", r.Image}, [2]string{"source", r.SourceCommit}, [2]string{"upgraded from", r.UpgradedFrom},
				[2]string{"tests", fmt.Sprintf("%d passed, %d failed", r.Tests.Passed, r.Tests.Failed)}, [2]string{"tested by", r.TestedBy}, [2]string{"record", r.Record}, [2]string{"not signed", r.Withheld})
		},
	}
	verifyFlags(c, &o)
	c.Flags().StringVar(&o.Candidate, "candidate", "", "a checkout of the candidates' repository; what git tracks there is packaged, as it is now (default: a fresh clone)")
	c.Flags().StringVar(&o.Commit, "commit", "", "the candidate's commit in a fresh clone (default: the branch's last)")
	return c
}
