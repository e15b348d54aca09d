// Package operator is the command line of bitcoin-controller.
package cli

import (
	"os"
	"time"

	"github.com/spf13/cobra"
)

// Values of --helper.
const (
	helperAuto   = "auto"
	helperVolume = "image-volume"
	helperInit   = "init-container"
	// imageVolumesSince is where volumes from images are for everybody.
	imageVolumesSince = "1.36"
)

// Values of --node-access.
const (
	accessAuto    = "auto"
	accessDirect  = "direct"
	accessForward = "port-forward"
)

const defaultMasterKeySecret = "bitcoin-controller-master-key"

// options of the operator, as they stand on its command line.
type options struct {
	kubeconfig       string
	nodeImage        string
	rpcAuthImage     string
	helper           string
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

// Command returns the program: without a subcommand it is the operator.
func Command() *cobra.Command {
	o := &options{}
	command := &cobra.Command{
		Use:           "bitcoin-controller",
		Short:         "Runs bitcoin regtest networks on Kubernetes, one BitcoinNetwork resource each",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	flags := command.Flags()
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "path of a kubeconfig; default: the service account in a pod, else KUBECONFIG or ~/.kube/config")
	flags.StringVar(&o.nodeImage, "node-image", "", "image of bitcoind for networks that name none (required)")
	flags.StringVar(&o.rpcAuthImage, "rpcauth-image", "", "image with the program rpcauth, which hashes a network's Secret in the pods of its nodes (required)")
	flags.StringVar(&o.helper, "helper", helperAuto, "how that program comes into those pods: image-volume starts nodes seconds faster and needs Kubernetes "+imageVolumesSince+" on all machines, init-container runs anywhere, auto goes by the API server's version")
	flags.StringSliceVar(&o.watchNamespaces, "watch-namespaces", nil, "namespaces to look after, separated by commas; default: all")
	flags.BoolVar(&o.leaderElect, "leader-elect", false, "act only while holding a lease in the operator's namespace, so that several replicas are safe")
	flags.StringVar(&o.nodeAccess, "node-access", accessAuto, "how nodes are called: direct by the addresses of their pods, port-forward through the API server, for a laptop from which these lead nowhere; auto is direct in a pod and port-forward elsewhere")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443", "where to serve metrics; 0 for nowhere")
	flags.BoolVar(&o.metricsSecure, "metrics-secure", true, "serve metrics by TLS, to those whom the API server lets read /metrics")
	flags.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "where to serve /healthz and /readyz; 0 for nowhere")
	flags.StringVar(&o.masterKeySecret, "master-key-secret", defaultMasterKeySecret, "Secret in the operator's namespace with the key that the operator's credentials are derived from; made at the first start")
	flags.StringVar(&o.namespace, "namespace", os.Getenv("POD_NAMESPACE"), "the operator's own namespace; default: POD_NAMESPACE, else default")
	flags.DurationVar(&o.pollInterval, "poll-interval", 5*time.Second, "time between two looks at a network in which nothing is missing")
	flags.IntVar(&o.concurrent, "max-concurrent-reconciles", 8, "number of networks that are looked at at the same time")
	flags.StringVar(&o.logFormat, "log-format", "json", "json or console")
	flags.StringVar(&o.level, "log-level", "info", "debug, info or error")
	command.AddCommand(rotateCommand(), smokeTestCommand())
	return command
}
