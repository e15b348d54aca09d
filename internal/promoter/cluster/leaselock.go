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

	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
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
	other    string          // the last other holder
	reported time.Time       // when it was reported
	answered time.Time       // when the server last answered
	failure  error           // why the last request failed, nil if it did not
	failures map[string]bool // the reported texts of failures
	// readsDenied and writesDenied are how many requests in a row were denied: whoever may not create a Lease can read that there is none.
	readsDenied, writesDenied int
}

func (l *leaseLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	current, raw, err := l.LeaseLock.Get(ctx)
	if err != nil {
		return nil, nil, l.failed(ctx, err, &l.readsDenied)
	}
	l.succeeded()
	l.readsDenied = 0
	switch {
	case current.HolderIdentity == l.Identity():
	case l.held:
		l.stop(fmt.Errorf("%w any longer: %s has taken it over", ErrLease, report.Printable(current.HolderIdentity)))
	default:
		l.waitsFor(current)
	}
	return current, raw, nil
}

func (l *leaseLock) waitsFor(current *resourcelock.LeaderElectionRecord) {
	holder := report.Printable(current.HolderIdentity)
	if holder == l.other && time.Since(l.reported) < waitReport {
		return
	}
	l.other, l.reported = holder, time.Now()
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
		return l.failed(ctx, err, &l.writesDenied)
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
		return l.failed(ctx, err, &l.writesDenied)
	}
	l.succeeded()
	if !l.held {
		l.line(fmt.Sprintf("took over the lease of %s, which has not renewed it", l.other))
	}
	l.held = true
	return nil
}

func (l *leaseLock) succeeded() { l.answered, l.failure = time.Now(), nil }

// deniedLimit is how many requests in a row may be denied. The first may have had a token that was being replaced.
const deniedLimit = 2

// failed returns the error of a request. It stops the elector for one that stays, unless the lease is held: the limit of the renewal
// then ends the attempts, since nothing else can use the lease before.
func (l *leaseLock) failed(ctx context.Context, err error, denied *int) error {
	if deadline, limited := ctx.Deadline(); ctx.Err() != nil || limited && time.Until(deadline) <= 0 {
		return err // the request was cancelled, which is no cause
	}
	l.failure = err
	status, answered := errors.AsType[*apierrors.StatusError](err)
	if answered && (apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)) && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		*denied++
	}
	if !l.held {
		if end := l.permanent(err, answered, status, *denied); end != nil {
			l.stop(end)
		} else {
			l.triesAgain(err)
		}
	}
	if answered {
		l.answered = time.Now()
	}
	return err
}

// permanent is the reason why another request is of no use after one that failed, nil if it can be.
func (l *leaseLock) permanent(err error, answered bool, status *apierrors.StatusError, denied int) error {
	switch {
	case !answered && time.Since(l.answered) > l.times.renewal():
		return fmt.Errorf("%w: %w", ErrSilent, err)
	case !answered:
		return nil
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return fmt.Errorf("%w: the namespace %s is being deleted; run the command again when it is gone: %w", ErrLease, l.release.Namespace, err)
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		if denied < deniedLimit {
			return nil
		}
		return fmt.Errorf("%w: %w; the account of the kubeconfig needs get, create, update and delete for leases of coordination.k8s.io in namespace %s, and create for namespaces if it does not exist", ErrLease, err, l.release.Namespace)
	case isPermanent(status.ErrStatus.Code):
		return fmt.Errorf("%w: %w", ErrLease, err)
	}
	return nil
}

// triesAgain reports a failed request, once for each text. A Lease that does not exist yet, or that another run has written, is none.
func (l *leaseLock) triesAgain(err error) {
	if isNotFound(err) || isConflict(err) || apierrors.IsAlreadyExists(err) {
		l.failure = nil
		return
	}
	text := report.Printable(err.Error())
	if l.failures[text] {
		return
	}
	if l.failures == nil {
		l.failures = map[string]bool{}
	}
	l.failures[text] = true
	l.line(fmt.Sprintf("the lease of the release %s in namespace %s cannot be requested: %s; trying again, for at most %s", l.release.Name, l.release.Namespace, text, l.times.Wait))
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
