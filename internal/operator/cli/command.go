// Package cli is the command line of bitcoin-controller.
package cli

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Values of --rpcauth-delivery.
const (
	deliveryAuto   = "auto"
	deliveryVolume = "image-volume"
	deliveryInit   = "init-container"
	// imageVolumesSince is the Kubernetes release in which image volumes are enabled by default.
	imageVolumesSince = "1.36"
)

// Values of --node-access.
const (
	accessAuto    = "auto"
	accessDirect  = "direct"
	accessForward = "port-forward"
)

const (
	defaultMasterKeySecret = "bitcoin-controller-master-key"
	kubeconfigUsage        = "path of a kubeconfig file; default: the service account of the pod, or KUBECONFIG, or ~/.kube/config"
)

// options are the flags of the operator.
type options struct {
	kubeconfig       string
	nodeImage        string
	lightningImage   string
	rpcAuthImage     string
	rpcAuthDelivery  string
	nodeAccess       string
	watchNamespaces  []string
	leaderElect      bool
	metricsAddress   string
	metricsSecure    bool
	probeAddress     string
	masterKeySecret  string
	namespace        string
	pollInterval     time.Duration
	concurrent       int
	logFormat, level string
}

// Command returns the root command. Without a subcommand it runs the operator.
func Command() *cobra.Command {
	o := &options{}
	command := &cobra.Command{
		Use:           "bitcoin-controller",
		Short:         "Run bitcoin regtest networks on Kubernetes, each defined by a BitcoinNetwork resource",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	o.addFlags(command.Flags())
	command.AddCommand(rotateCommand(), smokeTestCommand())
	return command
}

func (o *options) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", kubeconfigUsage)
	flags.StringVar(&o.nodeImage, "node-image", "", "image with bitcoind and bitcoin-cli for networks without spec.image (required)")
	flags.StringVar(&o.lightningImage, "lightning-image", "", "image with lnd and lncli for LightningNetworks without spec.image; without this flag the operator runs no LightningNetworks, and needs neither their definition nor rights on them")
	flags.StringVar(&o.rpcAuthImage, "rpcauth-image", "", "the operator's image, with the programs rpcauth, supervisor and lnd-agent for pods of networks with a Secret, pods with nodesPerPod above 1 and pods of LND (required)")
	const delivery = "how the pods of nodes get the program rpcauth: image-volume starts nodes seconds faster and requires Kubernetes " + imageVolumesSince +
		" on all machines; init-container works with every release; auto selects one by the version of the API server"
	flags.StringVar(&o.rpcAuthDelivery, "rpcauth-delivery", deliveryAuto, delivery)
	flags.StringVar(&o.rpcAuthDelivery, "helper", deliveryAuto, delivery)
	if err := flags.MarkDeprecated("helper", "use --rpcauth-delivery"); err != nil {
		panic(err) // the flag is defined above
	}
	flags.StringSliceVar(&o.watchNamespaces, "watch-namespaces", nil, "comma-separated namespaces whose networks the operator manages; default: all")
	flags.BoolVar(&o.leaderElect, "leader-elect", false, "work only while holding a lease in the operator's namespace, so that several replicas can run")
	flags.StringVar(&o.nodeAccess, "node-access", accessAuto, "how the operator calls nodes: direct uses the addresses of their pods; port-forward goes through the API server, for an operator outside the cluster; auto is direct in a pod and port-forward elsewhere")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443", "address of the metrics endpoint; 0 disables it")
	flags.BoolVar(&o.metricsSecure, "metrics-secure", true, "serve metrics over TLS, and only to clients that the API server authorizes to get /metrics")
	flags.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz; 0 disables them")
	flags.StringVar(&o.masterKeySecret, "master-key-secret", defaultMasterKeySecret, "Secret in the operator's namespace with the master key, from which the operator derives its credentials; created at the first start")
	flags.StringVar(&o.namespace, "namespace", os.Getenv("POD_NAMESPACE"), "namespace of the operator; default: POD_NAMESPACE, or default")
	flags.DurationVar(&o.pollInterval, "poll-interval", 5*time.Second, "time between two reconciles of a network that is in the desired state")
	flags.IntVar(&o.concurrent, "max-concurrent-reconciles", 8, "number of networks that are reconciled at the same time")
	flags.StringVar(&o.logFormat, "log-format", "json", "format of the log: json or console")
	flags.StringVar(&o.level, "log-level", "info", "level of the log: debug, info or error")
}
