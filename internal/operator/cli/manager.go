package cli

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/christianb93/bitcoin-controller/internal/operator/controller"
	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
	lightning "github.com/christianb93/bitcoin-controller/internal/operator/lightning/controller"
	"github.com/christianb93/bitcoin-controller/internal/operator/scrape"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(s))
	utilruntime.Must(v1.AddToScheme(s))
	return s
}

// newManager returns a manager with the controllers and the health checks. Without settings for LightningNetworks it watches none.
func newManager(config *rest.Config, options ctrl.Options, settings controller.Options, lightningSettings *lightning.Options) (ctrl.Manager, error) {
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		return nil, fmt.Errorf("create the manager: %w", err)
	}
	if err := controller.Add(mgr, settings); err != nil {
		return nil, err
	}
	if lightningSettings != nil {
		if err := lightning.Add(mgr, *lightningSettings); err != nil {
			return nil, err
		}
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	return mgr, nil
}

func managerOptions(o *options) ctrl.Options {
	options := ctrl.Options{
		Scheme:                        scheme(),
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              leaseName,
		LeaderElectionNamespace:       o.namespace,
		LeaderElectionReleaseOnCancel: true,
		RenewDeadline:                 ptr.To(lease.RenewDeadline),
		HealthProbeBindAddress:        o.probeAddress,
		Metrics:                       metricsserver.Options{BindAddress: o.metricsAddress, SecureServing: o.metricsSecure},
		Cache:                         controller.CacheOptions(),
	}
	if o.metricsSecure {
		options.Metrics.FilterProvider = scrape.Filter
	}
	for _, namespace := range o.watchNamespaces {
		if options.Cache.DefaultNamespaces == nil {
			options.Cache.DefaultNamespaces = map[string]cache.Config{}
		}
		options.Cache.DefaultNamespaces[namespace] = cache.Config{}
	}
	return options
}
