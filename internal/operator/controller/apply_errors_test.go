package controller

import (
	"errors"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A quota is checked before the API server sees that the object exists, and the cache may not have it yet.
func TestAnExistingObjectThatUsesUpItsQuotaIsNotRejected(t *testing.T) {
	a := applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 1})
	a.edit(func(set *appsv1.StatefulSet) { set.Labels = nil })
	a.reject = func(verb string) error {
		if verb == "create" {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "statefulsets"}, "net-sts", errors.New("exceeded quota"))
		}
		return nil
	}
	if objects := a.pass(); objects.rejected != nil {
		t.Errorf("rejected: %s", objects.rejected.Message)
	}
	a.expect()
}

// The first change of an object takes over its fields from the create request, which is a request of its own.
func TestARejectedFirstChangeIsReportedWhicheverRequestIsRejected(t *testing.T) {
	for _, rejected := range []string{"patch", "apply"} {
		t.Run(rejected, func(t *testing.T) {
			a := applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 1})
			a.network.Spec.Nodes, a.network.Generation = 2, 2
			a.reject = func(verb string) error {
				if verb == rejected {
					return apierrors.NewForbidden(schema.GroupResource{Resource: "statefulsets"}, "net-sts", errors.New("policy"))
				}
				return nil
			}
			if objects := a.pass(); objects.rejected == nil || objects.rejected.Reason != v1.ReasonApplyRefused {
				t.Errorf("rejected: %v", objects.rejected)
			}
		})
	}
}

// While pods start, the cached StatefulSet is often older than the live one.
func TestAFirstChangeOfAnOldCachedObjectIsWritten(t *testing.T) {
	a := applyNetwork(t, v1.BitcoinNetworkSpec{Nodes: 1})
	a.network.Spec.Nodes, a.network.Generation = 2, 2
	conflicts := 0
	a.reject = func(verb string) error {
		if verb == "patch" && conflicts == 0 {
			conflicts++
			return apierrors.NewConflict(schema.GroupResource{Resource: "statefulsets"}, "net-sts", errors.New("the object has been modified"))
		}
		return nil
	}
	a.pass()
	if got := *a.set().Spec.Replicas; got != 2 || conflicts != 1 {
		t.Errorf("%d replicas after %d conflicts", got, conflicts)
	}
}
