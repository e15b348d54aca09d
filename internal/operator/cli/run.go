package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/controller"
	"github.com/christianb93/bitcoin-controller/internal/operator/credentials"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/tunnel"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(s))
	utilruntime.Must(v1.AddToScheme(s))
	return s
}

// run is the operator, until the context ends.
func run(ctx context.Context, o *options) error {
	if err := o.complete(); err != nil {
		return err
	}
	ctrl.SetLogger(logger(o))
	// Most of what it holds are caches, which live; collecting three times as often costs little and saves a quarter of the memory.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(30)
	}
	config, inPod, err := restConfig(o.kubeconfig)
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(config, managerOptions(o))
	if err != nil {
		return fmt.Errorf("start the manager: %w", err)
	}
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	keys, err := credentials.ReadMasterKeys(ctx, clients, o.namespace, o.masterKeySecret)
	if err != nil {
		return err
	}
	volume, err := o.imageVolumes(clients.Discovery())
	if err != nil {
		return err
	}
	settings := controller.Options{
		Settings: resources.Settings{
			NodeImage: o.nodeImage, Helper: resources.Helper{Image: o.rpcAuthImage, Volume: volume}, Credential: credentials.ForNetworks(keys.Current),
		},
		PreviousCredential: previousCredential(keys), PollInterval: o.pollInterval, MaxConcurrentReconciles: o.concurrent,
	}
	if o.nodeAccess == accessForward || o.nodeAccess == accessAuto && !inPod {
		dialer, err := tunnel.NewDialer(config)
		if err != nil {
			return err
		}
		settings.Dial, settings.Host = dialer.DialContext, tunnel.Host
	}
	if err := controller.Add(mgr, settings); err != nil {
		return err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func previousCredential(keys credentials.MasterKeys) func(*v1.BitcoinNetwork) bitcoind.Credential {
	if keys.Previous == nil {
		return nil
	}
	return credentials.ForNetworks(keys.Previous)
}

func (o *options) complete() error {
	if o.nodeImage == "" {
		return errors.New("--node-image is missing: name an image with bitcoind and bitcoin-cli")
	}
	if o.rpcAuthImage == "" {
		return errors.New("--rpcauth-image is missing: name an image of this program, which writes the credentials of a network's users")
	}
	if o.namespace == "" {
		o.namespace = "default"
	}
	if o.helper != helperAuto && o.helper != helperVolume && o.helper != helperInit {
		return fmt.Errorf("--helper is %q, but may be %s, %s or %s", o.helper, helperAuto, helperVolume, helperInit)
	}
	if o.nodeAccess != accessAuto && o.nodeAccess != accessDirect && o.nodeAccess != accessForward {
		return fmt.Errorf("--node-access is %q, but may be %s, %s or %s", o.nodeAccess, accessAuto, accessDirect, accessForward)
	}
	if o.logFormat != "json" && o.logFormat != "console" {
		return fmt.Errorf("--log-format is %q, but may be json or console", o.logFormat)
	}
	if _, ok := levels[o.level]; !ok {
		return fmt.Errorf("--log-level is %q, but may be debug, info or error", o.level)
	}
	return nil
}

// imageVolumes tells whether the helper's image is mounted in the nodes' pods.
func (o *options) imageVolumes(server discovery.ServerVersionInterface) (bool, error) {
	if o.helper != helperAuto {
		return o.helper == helperVolume, nil
	}
	info, err := server.ServerVersion()
	if err != nil {
		return false, fmt.Errorf("ask the API server for its version: %w", err)
	}
	v, err := version.ParseGeneric(info.GitVersion)
	if err != nil {
		return false, fmt.Errorf("the API server's version %q: %w", info.GitVersion, err)
	}
	return v.AtLeast(version.MustParseGeneric(imageVolumesSince)), nil
}

// restConfig of the cluster. inPod says that it is the one that this very pod runs in.
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
		return nil, false, fmt.Errorf("no cluster: %w", err)
	}
	// The API server has its own priority and fairness; a second limit here would only make large networks slow to start.
	config.QPS = -1
	config.UserAgent = "bitcoin-controller"
	return config, inPod, nil
}

func managerOptions(o *options) ctrl.Options {
	ours := cache.ByObject{
		Label:     labels.SelectorFromSet(labels.Set{resources.LabelManagedBy: resources.ManagedByValue}),
		Transform: cache.TransformStripManagedFields(),
	}
	options := ctrl.Options{
		Scheme:                        scheme(),
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              "bitcoin-controller.bitcoincontroller.christianb93.github.com",
		LeaderElectionNamespace:       o.namespace,
		LeaderElectionReleaseOnCancel: true,
		HealthProbeBindAddress:        o.probeAddress,
		Metrics:                       metricsserver.Options{BindAddress: o.metricsAddress, SecureServing: o.metricsSecure},
		Cache: cache.Options{ByObject: map[client.Object]cache.ByObject{
			&corev1.Pod{}: {Label: ours.Label, Transform: stripPod}, &corev1.Service{}: ours, &corev1.ConfigMap{}: ours, &appsv1.StatefulSet{}: ours,
			&v1.BitcoinNetwork{}: {Transform: cache.TransformStripManagedFields()},
		}},
	}
	if o.metricsSecure {
		options.Metrics.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	for _, namespace := range o.watchNamespaces {
		if options.Cache.DefaultNamespaces == nil {
			options.Cache.DefaultNamespaces = map[string]cache.Config{}
		}
		options.Cache.DefaultNamespaces[namespace] = cache.Config{}
	}
	return options
}

// stripPod keeps of a cached pod what the operator asks of it: its metadata and its status. Pods are most of what is cached,
// and their specs are most of a pod.
func stripPod(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		pod.Spec = corev1.PodSpec{}
	}
	return cache.TransformStripManagedFields()(object)
}

// levels are the verbosities of --log-level.
var levels = map[string]zap.Opts{"debug": zap.Level(zapLevel(-1)), "info": zap.Level(zapLevel(0)), "error": zap.Level(zapLevel(2))}
