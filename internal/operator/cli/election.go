package cli

import (
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
)

// leaseName is the name of the lease, on which the chart gives the rights.
const leaseName = "bitcoin-controller.bitcoincontroller.christianb93.github.com"

// election is the leader election of this operator. Both lock and fence are nil for an operator without one.
type election struct {
	lock  resourcelock.Interface
	fence *lease.Fence
	// recorder is that of the manager, which is created with the lock.
	recorder events.EventRecorder
}

// newElection returns an election with the lock that a manager would create by itself, but with a fence.
func newElection(config *rest.Config, o *options) (*election, error) {
	e := &election{}
	if !o.leaderElect {
		return e, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("read the name of this host for the leader election: %w", err)
	}
	identity := resourcelock.ResourceLockConfig{Identity: host + "_" + string(uuid.NewUUID()), EventRecorder: e}
	lock, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, o.namespace, leaseName, identity, config, lease.RenewDeadline)
	if err != nil {
		return nil, fmt.Errorf("create the lock of the leader election: %w", err)
	}
	e.fence = lease.NewFence(ctrl.Log.WithName("lease"))
	e.lock = e.fence.Lock(lock)
	return e, nil
}

// Eventf implements resourcelock.EventRecorder.
func (e *election) Eventf(object runtime.Object, eventType, reason, format string, args ...any) {
	e.recorder.Eventf(object, nil, eventType, reason, "Elect", format, args...)
}
