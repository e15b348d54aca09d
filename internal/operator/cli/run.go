package cli

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/christianb93/bitcoin-controller/internal/operator/controller"
	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/tunnel"
)

// cluster is a connection to a Kubernetes cluster.
type cluster struct {
	config  *rest.Config
	clients kubernetes.Interface
	// inPod is true when this process runs in a pod of the cluster.
	inPod bool
}

// run runs the operator until the context ends.
func run(ctx context.Context, o *options) error {
	if err := o.complete(); err != nil {
		return err
	}
	ctrl.SetLogger(logger(o))
	limitHeap()
	c, err := connect(o.kubeconfig)
	if err != nil {
		return err
	}
	settings, err := controllerOptions(c, o)
	if err != nil {
		return err
	}
	if settings.DisruptionBudgets, err = mayHaveBudgets(ctx, c.clients, o.watchNamespaces); err != nil {
		return err
	}
	elects, err := newElection(c.config, o)
	if err != nil {
		return err
	}
	settings.Fence = elects.fence
	options := managerOptions(o)
	options.LeaderElectionResourceLockInterface = elects.lock
	mgr, err := newManager(c.config, options, settings, lightningOptions(c, o, settings))
	if err != nil {
		return err
	}
	elects.recorder = mgr.GetEventRecorder("bitcoin-controller")
	return mgr.Start(ctx)
}

// limitHeap makes the garbage collector run three times as often, unless GOGC is set. Most of the heap are caches, which stay
// alive, so that this costs little and saves a quarter of the memory.
func limitHeap() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(30)
	}
}

func connect(kubeconfig string) (cluster, error) {
	config, inPod, err := restConfig(kubeconfig)
	if err != nil {
		return cluster{}, err
	}
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return cluster{}, err
	}
	return cluster{config: config, clients: clients, inPod: inPod}, nil
}

// controllerOptions returns the options of the controller, which reads the master key after the election.
func controllerOptions(c cluster, o *options) (controller.Options, error) {
	volume, err := o.imageVolumes(c.clients.Discovery())
	if err != nil {
		return controller.Options{}, err
	}
	keys := credentials.New(c.clients, o.namespace, o.masterKeySecret, ctrl.Log.WithName("credentials"))
	settings := controller.Options{
		Settings: resources.Settings{
			NodeImage: o.nodeImage, RPCAuth: resources.RPCAuthDelivery{Image: o.rpcAuthImage, Volume: volume}, Credential: keys.Current,
		},
		Credentials: keys, PreviousCredential: keys.Previous, PollInterval: o.pollInterval, MaxConcurrentReconciles: o.concurrent,
	}
	if o.lightningImage != "" {
		settings.Settings.Lightning = keys.Lightning
	}
	if o.forwardsPorts(c.inPod) {
		dialer, err := tunnel.NewDialer(c.config)
		if err != nil {
			return controller.Options{}, err
		}
		settings.Dial, settings.Host = dialer.DialContext, tunnel.Host
	}
	return settings, nil
}

// mayHaveBudgets reports whether the operator may read disruption budgets in all namespaces of networks. Roles that were not created for this
// release have no such permission, and a watch without it would keep the operator from starting.
func mayHaveBudgets(ctx context.Context, clients kubernetes.Interface, namespaces []string) (bool, error) {
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	for _, namespace := range namespaces {
		_, err := clients.PolicyV1().PodDisruptionBudgets(namespace).List(ctx, metav1.ListOptions{Limit: 1})
		if apierrors.IsForbidden(err) {
			ctrl.Log.Info("Networks get no PodDisruptionBudget, since the operator has no permission on them", "reason", err.Error())
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("list the PodDisruptionBudgets: %w", err)
		}
	}
	return true, nil
}

func (o *options) forwardsPorts(inPod bool) bool {
	return o.nodeAccess == accessForward || o.nodeAccess == accessAuto && !inPod
}

// imageVolumes reports whether nodes get the program rpcauth by an image volume.
func (o *options) imageVolumes(server discovery.ServerVersionInterface) (bool, error) {
	if o.rpcAuthDelivery != deliveryAuto {
		return o.rpcAuthDelivery == deliveryVolume, nil
	}
	info, err := server.ServerVersion()
	if err != nil {
		return false, fmt.Errorf("read the version of the API server: %w", err)
	}
	v, err := version.ParseGeneric(info.GitVersion)
	if err != nil {
		return false, fmt.Errorf("parse the version %q of the API server: %w", info.GitVersion, err)
	}
	return v.AtLeast(version.MustParseGeneric(imageVolumesSince)), nil
}

// restConfig returns the client configuration of the cluster. inPod is true when it is the service account of this pod.
func restConfig(kubeconfig string) (config *rest.Config, inPod bool, err error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	if kubeconfig == "" && os.Getenv(clientcmd.RecommendedConfigPathEnvVar) == "" {
		config, err = rest.InClusterConfig()
		inPod = err == nil
	}
	if config == nil {
		config, err = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	}
	if err != nil {
		return nil, false, fmt.Errorf("configure the connection to a cluster: %w; name a kubeconfig file that exists with --kubeconfig or KUBECONFIG, or run this in a pod", err)
	}
	// The API server has its own priority and fairness; a second limit here would only make large networks slow to start.
	config.QPS = -1
	config.UserAgent = "bitcoin-controller"
	return config, inPod, nil
}
