package cli

import (
	"context"
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
	var s step.Selection
	c := &cobra.Command{
		Use: "verify", Args: cobra.NoArgs,
		Short: "Package the candidate, install it in a cluster and run the tests of its source commit",
		RunE: func(c *cobra.Command, _ []string) error {
			choose := func(p *step.Project) ([]*step.Project, error) { return p.SelectForVerify(c.Context(), s, o) }
			return a.forCharts(c.Context(), choose, func(p *step.Project) (any, []field, error) { return verify(c.Context(), p, o) })
		},
	}
	verifyFlags(c, &o)
	c.Flags().StringVar(&o.Stage, "stage", "", "stage that tests (default: the first that does)")
	c.Flags().StringVar(&o.Package, "package", "", "package that a later stage tests (default: the one that verify wrote to the work directory)")
	c.Flags().StringArrayVar(&o.Attestations, "attestation", nil, "file with the first stage's attestation of that package; can be repeated")
	chartFlags(c, &s, "the one that the candidate names, or those that are changed")
	c.Flags().StringVar(&o.Candidate, "candidate", "", "a checkout of the candidates' repository; the files that git tracks are packaged as they are now (default: a fresh clone)")
	c.Flags().StringVar(&o.Commit, "commit", "", "commit of the candidate, in a fresh clone (default: the last of the branch)")
	return c
}

func verify(ctx context.Context, p *step.Project, o step.VerifyOptions) (any, []field, error) {
	r, err := step.Verify(ctx, p, o)
	if err != nil {
		return nil, nil, err
	}
	return r, []field{
		{"candidate", r.Chart + " " + r.Version}, {"package", r.Package}, {"sha256", r.PackageDigest},
		{"image", r.Image}, {"source", r.SourceCommit}, {"upgraded from", r.UpgradedFrom}, {"Helm", strings.Trim(fmt.Sprint(r.Helm), "[]")},
		{"tests", fmt.Sprintf("%d passed, %d failed", r.Tests.Passed, r.Tests.Failed)}, {"tested by", r.TestedBy}, {"attestation", r.Attestation}, {"not signed", r.Withheld},
	}, nil
}
