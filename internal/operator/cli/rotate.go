package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"

	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
)

func rotateCommand() *cobra.Command {
	var kubeconfig, namespace, secret string
	var force bool
	command := &cobra.Command{
		Use:   "rotate-master-key",
		Short: "Create a new master key, from which the operator then derives its credentials",
		Long: "Creates a new master key in its Secret and keeps the previous key, so that the operator can still reach nodes that have not " +
			"restarted yet. The operator uses the new key at once and restarts the nodes of all networks, one node of each StatefulSet at a " +
			"time. Pods of LightningNetworks get it without a restart, within two minutes. The key cannot be rotated again before all nodes use it.\n\n" +
			"Run it with a kubeconfig of your own: the service account of the operator may not change the Secret. You need the permissions " +
			"to get and update it in the operator's namespace and, from the second rotation on, to list bitcoinnetworks, lightningnetworks, " +
			"configmaps and statefulsets in all namespaces. Networks of other operators, which have other master keys, are left out.",
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
			networks, err := versioned.NewForConfig(config)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
			defer cancel()
			check := func(keys credentials.MasterKeys) error { return checkRotation(ctx, clients, networks, keys) }
			if force {
				check = func(credentials.MasterKeys) error { return nil }
			}
			if err := credentials.RotateMasterKey(ctx, clients, namespace, secret, check); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Secret %s/%s has a new master key; the operator restarts the nodes of all networks one by one\n", namespace, secret)
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
	command.Flags().BoolVar(&force, "force", false, "rotate the key even if the last rotation is not complete: the operator cannot call the nodes that do not use the current key until they have restarted")
	return command
}
