package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// waitReport is the time between two lines about the same holder. Travis ends a job that prints nothing for 10 minutes.
const waitReport = 5 * time.Minute

// leaseLock is the Lease as client-go's elector uses it. The elector only logs errors and tries again; leaseLock reports whom it waits
// for, and stops the elector when another attempt cannot help. Its fields belong to the elector until that has ended.
type leaseLock struct {
	*resourcelock.LeaseLock
	client  *Client
	release Release
	times   LeaseTimes
	line    func(string)
	stop    context.CancelCauseFunc

	held     bool
	other    string    // the last other holder
	reported time.Time // when it was reported
	answered time.Time // when the server last answered
	failure  error     // why the last request failed, nil if it did not
}

func (l *leaseLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	current, raw, err := l.LeaseLock.Get(ctx)
	if err != nil {
		return nil, nil, l.failed(err)
	}
	l.succeeded()
	switch {
	case current.HolderIdentity == l.Identity():
	case l.held:
		l.stop(fmt.Errorf("%w any longer: %s has taken it over", ErrLease, current.HolderIdentity))
	default:
		l.waitsFor(current)
	}
	return current, raw, nil
}

func (l *leaseLock) waitsFor(current *resourcelock.LeaderElectionRecord) {
	if current.HolderIdentity == l.other && time.Since(l.reported) < waitReport {
		return
	}
	l.other, l.reported = current.HolderIdentity, time.Now()
	l.line(fmt.Sprintf("waiting, for at most %s: the release %s in namespace %s is in use since %s by %s; if that run is dead, this one continues %s after the last renewal of its lease",
		l.times.Wait, l.release.Name, l.release.Namespace, current.AcquireTime.UTC().Format(time.RFC3339), l.other, time.Duration(current.LeaseDurationSeconds)*time.Second))
}

// Create creates the namespace, too, as the installation would.
func (l *leaseLock) Create(ctx context.Context, next resourcelock.LeaderElectionRecord) error {
	err := l.LeaseLock.Create(ctx, next)
	if isNotFound(err) {
		if err = l.createNamespace(ctx); err == nil {
			err = l.LeaseLock.Create(ctx, next)
		}
	}
	if err != nil {
		return l.failed(err)
	}
	l.succeeded()
	l.held = true
	return nil
}

// createNamespace creates the namespace with the label that Helm gives it.
func (l *leaseLock) createNamespace(ctx context.Context) error {
	name := l.release.Namespace
	_, err := l.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"name": name}}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create the namespace %s: %w", name, err)
	}
	return nil
}

func (l *leaseLock) Update(ctx context.Context, next resourcelock.LeaderElectionRecord) error {
	if err := l.LeaseLock.Update(ctx, next); err != nil {
		return l.failed(err)
	}
	l.succeeded()
	if !l.held {
		l.line(fmt.Sprintf("took over the lease of %s, which has not renewed it", l.other))
	}
	l.held = true
	return nil
}

func (l *leaseLock) succeeded() { l.answered, l.failure = time.Now(), nil }

// failed returns the error of a request, and stops the elector for one that stays.
func (l *leaseLock) failed(err error) error {
	l.failure = err
	status, answered := errors.AsType[*apierrors.StatusError](err)
	switch {
	case !answered && !l.held && time.Since(l.answered) > l.times.renewal():
		l.stop(fmt.Errorf("%w: %w", ErrSilent, err))
	case !answered:
		return err
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		l.stop(fmt.Errorf("%w: the namespace %s is being deleted; run the command again when it is gone: %w", ErrLease, l.release.Namespace, err))
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		l.stop(fmt.Errorf("%w: %w; the account of the kubeconfig needs get, create, update and delete for leases of coordination.k8s.io in namespace %s, and create for namespaces if it does not exist", ErrLease, err, l.release.Namespace))
	case isPermanent(status.ErrStatus.Code):
		l.stop(fmt.Errorf("%w: %w", ErrLease, err))
	}
	l.answered = time.Now()
	return err
}

// isPermanent reports whether the same request fails again. A lease that is missing or was changed does not last, nor does a server
// under load.
func isPermanent(code int32) bool {
	switch code {
	case http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests, http.StatusRequestTimeout:
		return false
	}
	return code >= 400 && code < 500
}
