package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/christianb93/bitcoin-controller/internal/plugin/manifest"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/scheme"
)

type lnCreate struct {
	*session
	spec    manifest.Lightning
	dryRun  string
	wait    bool
	timeout time.Duration
	print   *genericclioptions.PrintFlags
}

const lnCreateExample = `  # Three nodes in a line of two channels, and wait until both can be used
  kubectl btcnet ln create my-lightning --bitcoin-network my-network --nodes 3 --channel 0-1:1000000,push=200000 --channel 1-2:1000000 --wait

  # Ten nodes in a ring of balanced channels
  kubectl btcnet ln create ring --bitcoin-network my-network --nodes 10 --topology ring --capacity 1000000 --push 500000

  # The manifest only, to add what has no flag, such as tolerations
  kubectl btcnet ln create my-lightning --bitcoin-network my-network --dry-run=client -o yaml`

func lnCreateCommand(s *session) *cobra.Command {
	c := &lnCreate{session: s, spec: manifest.UnsetLightning(), print: genericclioptions.NewPrintFlags("created").WithTypeSetter(scheme.Scheme)}
	command := &cobra.Command{
		Use:     "create NAME --bitcoin-network NETWORK [--nodes N] [--channel FROM-TO:CAPACITY]",
		Short:   "Create a Lightning network from flags",
		Example: lnCreateExample,
		Args:    arguments(1, 1),
		RunE: func(command *cobra.Command, args []string) error {
			if err := rejectZeros(command.Flags(), "degree", "close-timeout"); err != nil {
				return err
			}
			return c.run(command.Context(), args[0])
		},
		// The name of a network that does not exist yet is not completed.
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.addFlags(command)
	c.print.AddFlags(command)
	flags := command.Flags()
	flags.StringVar(&c.dryRun, "dry-run", "none", `Must be "none", "server" or "client". With client, print the network without sending it; with server, let the API server validate it.`)
	flags.BoolVar(&c.wait, "wait", false, "Wait until the network is Ready: all nodes answer, and both ends of all channels can use them.")
	flags.DurationVar(&c.timeout, "timeout", 5*time.Minute, "How long --wait waits.")
	complete := map[string]cobra.CompletionFunc{
		"bitcoin-network": func(command *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return s.completeFirst(false)(command, nil, prefix)
		},
	}
	for flag, words := range map[string][]string{
		"topology": {"Mesh", "Ring", "Line", "Star", "Random"}, "storage-retention": {"Delete", "Retain"}, "expose": {"ClusterIP", "NodePort", "LoadBalancer"}, "dry-run": {"none", "server", "client"},
	} {
		complete[flag] = cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	}
	for flag, words := range complete {
		if err := command.RegisterFlagCompletionFunc(flag, words); err != nil {
			panic(err) // the flag exists
		}
	}
	return command
}

func (c *lnCreate) addFlags(command *cobra.Command) {
	flags := command.Flags()
	f := &c.spec
	flags.StringVar(&f.BitcoinNetwork, "bitcoin-network", "", "BitcoinNetwork of the same namespace that the nodes use.")
	flags.Int32Var(&f.Nodes, "nodes", f.Nodes, "Number of LND nodes.")
	flags.StringArrayVar(&f.Channels, "channel", nil, "Channel that the first node opens: FROM-TO:CAPACITY[,push=AMOUNT][,count=N][,private], in satoshis. Can be repeated.")
	flags.StringVar(&f.Topology, "topology", "", "Shape of the channels in place of --channel: Mesh, Ring, Line, Star or Random.")
	flags.StringVar(&f.Capacity, "capacity", "", "Capacity of each channel of --topology, in satoshis.")
	flags.StringVar(&f.Push, "push", "", "Part of the capacity that the other end of each channel of --topology gets, in satoshis.")
	flags.Int32Var(&f.Degree, "degree", 0, "Number of channels of each node of a Random topology. Default: 4.")
	flags.Int64Var(&f.Seed, "seed", f.Seed, "Seed of a Random topology. Default: 1.")
	flags.StringVar(&f.Image, "image", "", "Image with lnd and lncli. Default: that of the operator.")
	flags.StringVar(&f.Alias, "alias", "", "Beginning of the aliases of the nodes. Default: the name of the network.")
	flags.StringArrayVar(&f.Config, "config", nil, "Option of lnd.conf for all nodes, such as bitcoin.feerate=10. Can be repeated.")
	flags.DurationVar(&f.CloseTimeout, "close-timeout", 0, "How long a channel that is not wanted any more may take to close before it is closed by force. Default: 2m.")
	flags.StringVar(&f.Secret, "secret", "", "Secret whose keys are files in the LND containers. With tls.crt and tls.key, LND presents that certificate.")
	flags.StringVar(&f.Expose, "expose", "", "Service for each node, for clients outside of the cluster: NodePort, LoadBalancer or ClusterIP.")
	flags.StringSliceVar(&f.ExposeHosts, "expose-host", nil, "Name or IP address for which the certificates are valid, with --expose. Can be repeated.")
	flags.StringVar(&f.Storage, "storage", "", "Size of a volume for each node, such as 1Gi. Default: wallet and channels are in the pod.")
	flags.StringVar(&f.StorageClass, "storage-class", "", "Storage class of the volumes. Default: that of the cluster.")
	flags.StringVar(&f.StorageRetention, "storage-retention", "", "Delete (the default) or Retain the volumes of removed nodes.")
	flags.StringToStringVar(&f.Requests, "requests", nil, "Resource requests of each node, such as cpu=10m,memory=128Mi.")
	flags.StringToStringVar(&f.Limits, "limits", nil, "Resource limits of each node, such as cpu=1,memory=512Mi.")
	flags.StringToStringVar(&f.NodeSelector, "node-selector", nil, "Node selector of the pods, such as disk=ssd.")
	flags.StringSliceVar(&f.PullSecrets, "image-pull-secret", nil, "Image pull secret of the pods. Can be repeated.")
}

func (c *lnCreate) run(ctx context.Context, name string) error {
	printer, err := printerFor(c.print, c.dryRun)
	if err != nil {
		return err
	}
	network, err := c.spec.Network(name)
	if err != nil {
		return err
	}
	client, err := c.connectFor(c.dryRun)
	if err != nil {
		return err
	}
	network.Namespace = client.Namespace
	if c.dryRun != "client" {
		if network, err = client.CreateLightning(ctx, network, c.dryRun == "server"); err != nil {
			return err
		}
	}
	network.TypeMeta = metav1.TypeMeta{APIVersion: v1.SchemeGroupVersion.String(), Kind: "LightningNetwork"}
	if err := c.printManifest(printer, network); err != nil {
		return err
	}
	if !c.wait || c.dryRun != "none" {
		return nil
	}
	return client.WaitLightningReady(ctx, name, c.timeout)
}
