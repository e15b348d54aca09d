package cli

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
)

// clusterCommand creates the cluster of the pipeline's configuration by itself, for inspection or for other tests.
func (a *app) clusterCommand() *cobra.Command {
	c := &cobra.Command{Use: "cluster", Short: "Create, fill and delete the kind cluster that the configuration describes"}
	c.AddCommand(a.clusterCreate(), a.clusterLoad(), a.clusterDelete())
	return c
}

func (a *app) clusterCreate() *cobra.Command {
	var kubeconfig string
	c := &cobra.Command{
		Use: "create NAME [IMAGE...]", Args: cobra.MinimumNArgs(1),
		Short: "Create a cluster and load images into it: those that the configuration preloads, and these",
		Long: `Create a cluster and load images into it: those that the configuration preloads, and these. Images with a digest are pulled from their
registry.`,
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.project(c.Context())
			if err != nil {
				return err
			}
			k, err := p.Environments(p.Config.Tester()).Create(c.Context(), args[0], kubeconfig, p.DryRun, args[1:]...)
			if err != nil {
				return err
			}
			return a.result(map[string]string{"name": k.Name, "kubeconfig": k.Kubeconfig}, field{"cluster", k.Name}, field{"kubeconfig", k.Kubeconfig})
		},
	}
	c.Flags().StringVar(&kubeconfig, "kubeconfig", "kubeconfig", "kubeconfig file to write; your own configuration is not changed")
	return c
}

func (a *app) clusterLoad() *cobra.Command {
	return &cobra.Command{
		Use: "load NAME IMAGE...", Args: cobra.MinimumNArgs(2),
		Short: "Load images into a cluster; images with a digest are pulled from their registry",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.project(c.Context())
			if err != nil {
				return err
			}
			k, err := cluster.Find(c.Context(), args[0], "", p.Report.Line)
			if err != nil {
				return err
			}
			if a.dryRun {
				return a.result(args[1:])
			}
			loaded, err := k.LoadImages(c.Context(), p.Access, args[1:]...)
			if err != nil {
				return err
			}
			return a.result(loaded)
		},
	}
}

func (a *app) clusterDelete() *cobra.Command {
	var kubeconfig string
	c := &cobra.Command{
		Use: "delete NAME", Args: cobra.ExactArgs(1),
		Short: "Delete a cluster; succeed if it does not exist",
		RunE: func(c *cobra.Command, args []string) error {
			path, err := filepath.Abs(kubeconfig)
			if err != nil {
				return err
			}
			k, err := cluster.Open(args[0], path, nil)
			if err != nil {
				return err
			}
			result := func() error {
				return a.result(map[string]string{"deleted": args[0]}, field{"deleted", args[0]})
			}
			if a.dryRun {
				return result()
			}
			if err := k.Delete(c.Context()); err != nil {
				return err
			}
			if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
				return err
			}
			return result()
		},
	}
	c.Flags().StringVar(&kubeconfig, "kubeconfig", "kubeconfig", "kubeconfig file that create wrote, which is removed too")
	return c
}
