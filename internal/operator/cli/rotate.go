package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"

	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
)

func rotateCommand() *cobra.Command {
	var kubeconfig, namespace, secret string
	command := &cobra.Command{
		Use:   "rotate-master-key",
		Short: "Create a new master key, which the operator uses after its next start",
		Long: "Creates a new master key in its Secret and keeps the previous key, so that the operator can still reach nodes that have not " +
			"restarted yet. Restart the operator afterwards: it then restarts the nodes of all networks, one node of each StatefulSet at a " +
			"time. Wait until all networks are Ready before you rotate the key again.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, _, err := restConfig(kubeconfig)
			if err != nil {
				return err
			}
			clients, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
			defer cancel()
			if err := credentials.RotateMasterKey(ctx, clients, namespace, secret); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Secret %s/%s has a new master key; restart the operator to use it\n", namespace, secret)
			return err
		},
	}
	here := os.Getenv("POD_NAMESPACE")
	if here == "" {
		here = "default"
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", kubeconfigUsage)
	command.Flags().StringVar(&namespace, "namespace", here, "namespace of the operator; default: POD_NAMESPACE, or default")
	command.Flags().StringVar(&secret, "master-key-secret", defaultMasterKeySecret, "Secret with the master key")
	return command
}
