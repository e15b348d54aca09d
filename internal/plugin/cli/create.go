package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/manifest"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/scheme"
)

type create struct {
	*session
	spec    manifest.Flags
	dryRun  string
	wait    bool
	timeout time.Duration
	print   *genericclioptions.PrintFlags
	// from is the place of a snapshot, and digest the one that it must have.
	from, digest string
	// nodesGiven is whether the number of nodes is that of the snapshot.
	nodesGiven bool
}

const createExample = `  # Five nodes in a ring, and wait until they are connected
  kubectl btcnet create my-network --nodes 5 --topology ring --wait

  # Two versions of bitcoind, a block every ten seconds, volumes for the chains
  kubectl btcnet create mixed --nodes 3 --group old=2,image=registry.example.com/bitcoin:27.0 --mine-interval 10s --storage 1Gi

  # A network with the chain and the wallets of another one
  kubectl btcnet create copy --from my-network.snapshot --nodes 3

  # The manifest only, to add what has no flag, such as tolerations
  kubectl btcnet create my-network --nodes 3 --dry-run=client -o yaml`

func createCommand(s *session) *cobra.Command {
	c := &create{session: s, spec: manifest.Unset(), print: genericclioptions.NewPrintFlags("created").WithTypeSetter(scheme.Scheme)}
	command := &cobra.Command{
		Use:     "create NAME [--nodes N] [--topology TYPE]",
		Short:   "Create a network from flags",
		Example: createExample,
		Args:    arguments(1, 1),
		RunE: func(command *cobra.Command, args []string) error {
			c.nodesGiven = command.Flags().Changed("nodes")
			if err := rejectZeros(command.Flags(), "nodes-per-pod", "degree", "mine-interval", "mine-keep-alive", "zmq-high-water-mark"); err != nil {
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
	flags.BoolVar(&c.wait, "wait", false, "Wait until the network is Ready: all nodes answer, all connections exist, all are on one branch.")
	flags.DurationVar(&c.timeout, "timeout", 5*time.Minute, "How long --wait waits, and --from for the nodes.")
	flags.StringVar(&c.from, "from", "", "Snapshot whose chain and wallets the network gets before it mines: a file, or oci://HOST/REPOSITORY:TAG. Default of --nodes: that of the snapshot.")
	flags.StringVar(&c.digest, "digest", "", "Digest that the snapshot of --from must have, as snapshot save printed it.")
	for flag, words := range map[string][]string{
		"topology": {"Mesh", "Ring", "Line", "Star", "Random", "Custom"}, "expose": {"ClusterIP", "NodePort", "LoadBalancer"},
		"storage-retention": {"Delete", "Retain"}, "dry-run": {"none", "server", "client"},
	} {
		if err := command.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // the flag exists
		}
	}
	return command
}

// rejectZeros rejects a 0 where the field of the manifest would be left out with it, and have its default.
func rejectZeros(flags *pflag.FlagSet, names ...string) error {
	for _, name := range names {
		if flag := flags.Lookup(name); flag.Changed && strings.TrimSuffix(flag.Value.String(), "s") == "0" {
			return invalid.Errorf("--%s %s is not possible: write more than 0, or leave the flag out for its default", name, flag.Value)
		}
	}
	return nil
}

func (c *create) addFlags(command *cobra.Command) {
	flags := command.Flags()
	f := &c.spec
	flags.Int32Var(&f.Nodes, "nodes", f.Nodes, "Number of nodes of the main group.")
	flags.Int32Var(&f.NodesPerPod, "nodes-per-pod", 0, "Number of nodes that share a pod, which start faster and need less. Default: 1.")
	flags.StringVar(&f.Secret, "secret", "", "Secret with BC_RPC_USER and BC_RPC_PASSWORD, for access by RPC from outside the pods.")
	flags.StringVar(&f.Image, "image", "", "Image with bitcoind and bitcoin-cli. Default: that of the operator.")
	flags.StringVar(&f.Topology, "topology", "", "Mesh (the default), Ring, Line, Star, Random or Custom.")
	flags.Int32Var(&f.Degree, "degree", 0, "Number of neighbours of each node of a Random topology. Default: 4.")
	flags.Int64Var(&f.Seed, "seed", f.Seed, "Seed of a Random topology. Default: 1.")
	flags.StringSliceVar(&f.Edges, "edge", nil, "Connection of a Custom topology, such as 0-1. Can be repeated.")
	flags.StringArrayVar(&f.Sides, "partition", nil, "Nodes of one side of a partition, such as 0,1. Can be repeated.")
	flags.BoolVar(&f.Mine, "mine", false, "Let the operator mine a block every 10 seconds, without a wallet.")
	flags.DurationVar(&f.MineInterval, "mine-interval", 0, "Time between two blocks that the operator mines.")
	flags.DurationVar(&f.MineKeepAlive, "mine-keep-alive", 0, "Let the operator mine only when the best block is this old.")
	flags.Int32Var(&f.MineNode, "mine-node", f.MineNode, "Ordinal of the node that mines. Default: all in turn.")
	flags.StringVar(&f.MineAddress, "mine-address", "", "Address of the rewards. Default: nobody can spend them.")
	flags.StringVar(&f.Storage, "storage", "", "Size of a volume for each node, such as 1Gi. Default: the chain is in the pod.")
	flags.StringVar(&f.StorageClass, "storage-class", "", "Storage class of the volumes. Default: that of the cluster.")
	flags.StringVar(&f.StorageRetention, "storage-retention", "", "Delete (the default) or Retain the volumes of removed nodes.")
	flags.StringArrayVar(&f.Config, "config", nil, "Option of bitcoin.conf for all nodes, such as txindex=1. Can be repeated, also for one option with several values.")
	flags.StringArrayVar(&f.Groups, "group", nil, "More nodes with another image or configuration: NAME=NODES[,image=IMAGE][,config.OPTION=VALUE]. Can be repeated.")
	flags.BoolVar(&f.ZMQ, "zmq", false, "Switch on the ZMQ publishers of all nodes.")
	flags.Int32Var(&f.ZMQMessages, "zmq-high-water-mark", 0, "Messages that a ZMQ publisher keeps for a slow subscriber. Default: 10000.")
	flags.StringVar(&f.Expose, "expose", "", "Service with a stable address: ClusterIP, NodePort or LoadBalancer.")
	flags.BoolVar(&f.ExposePerNode, "expose-per-node", false, "A Service for each node, with --expose.")
	flags.StringToStringVar(&f.Requests, "requests", nil, "Resource requests of each node, such as cpu=10m,memory=64Mi.")
	flags.StringToStringVar(&f.Limits, "limits", nil, "Resource limits of each node, such as cpu=1,memory=256Mi.")
	flags.StringToStringVar(&f.NodeSelector, "node-selector", nil, "Node selector of the pods, such as disk=ssd.")
	flags.StringSliceVar(&f.PullSecrets, "image-pull-secret", nil, "Image pull secret of the pods. Can be repeated.")
}

func (c *create) run(ctx context.Context, name string) error {
	printer, err := printerFor(c.print, c.dryRun)
	if err != nil {
		return err
	}
	snapshot, err := c.snapshot(ctx)
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
	if snapshot != nil && c.dryRun == "none" {
		return c.createFrom(ctx, client, network, snapshot)
	}
	if c.dryRun != "client" {
		if network, err = client.Create(ctx, network, c.dryRun == "server"); err != nil {
			return err
		}
	}
	network.TypeMeta = metav1.TypeMeta{APIVersion: v1.SchemeGroupVersion.String(), Kind: "BitcoinNetwork"}
	if err := c.printManifest(printer, network); err != nil {
		return err
	}
	if !c.wait || c.dryRun != "none" {
		return nil
	}
	return client.WaitReady(ctx, name, c.timeout)
}

// connectFor connects for a command that creates a network. A manifest that is only printed needs no cluster.
func (s *session) connectFor(dryRun string) (*cluster.Client, error) {
	client, err := s.connect()
	if err != nil && dryRun == "client" {
		return &cluster.Client{}, nil
	}
	return client, err
}

// printManifest prints a network as its manifest is written.
func (s *session) printManifest(printer printers.ResourcePrinter, network metav1.Object) error {
	object, err := withoutStatus(network)
	if err != nil {
		return err
	}
	return printer.PrintObj(object, s.streams.Out)
}

// printerFor prints the result of a command that creates a network.
func printerFor(flags *genericclioptions.PrintFlags, dryRun string) (printers.ResourcePrinter, error) {
	if dryRun != "none" && dryRun != "client" && dryRun != "server" {
		return nil, invalid.Errorf("--dry-run %q does not exist: use none, client or server", dryRun)
	}
	if dryRun != "none" {
		if err := flags.Complete("%s (" + dryRun + " dry run)"); err != nil {
			return nil, err
		}
	}
	printer, err := flags.ToPrinter()
	if err != nil {
		return nil, invalid.Errorf("%s", err.Error())
	}
	return printer, nil
}

// withoutStatus is a network as a person writes it: the status and the creation time have no value there.
func withoutStatus(network metav1.Object) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(network)
	if err != nil {
		return nil, err
	}
	delete(content, "status")
	object := &unstructured.Unstructured{Object: content}
	if network.GetUID() == "" {
		unstructured.RemoveNestedField(object.Object, "metadata", "creationTimestamp")
	}
	object.SetManagedFields(nil)
	return object, nil
}
