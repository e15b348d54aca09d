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
		Short: "Make a new master key, which operators take over when they start next",
		Long: "Makes a new master key in its Secret and keeps the one before it, so that nodes which have not restarted yet stay in reach. " +
			"Restart the operator after it: it then restarts the nodes of all networks, one of each StatefulSet after the other. " +
			"Wait until all networks are Ready before you do it again.",
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
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Secret %s/%s has a new master key; restart the operator to take it over\n", namespace, secret)
			return err
		},
	}
	here := os.Getenv("POD_NAMESPACE")
	if here == "" {
		here = "default"
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "path of a kubeconfig; default: the service account in a pod, else KUBECONFIG or ~/.kube/config")
	command.Flags().StringVar(&namespace, "namespace", here, "the operator's namespace; default: POD_NAMESPACE, else default")
	command.Flags().StringVar(&secret, "master-key-secret", defaultMasterKeySecret, "Secret with the master key")
	return command
}
