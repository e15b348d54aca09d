package cluster

import (
	"net/url"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	networks "github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned/fake"
)

func TestALostAnswerDoesNotFailTheCreationOfANetwork(t *testing.T) {
	lost := &url.Error{Op: "Post", URL: "https://api", Err: apierrors.NewTimeoutError("the connection broke", 1)}
	own := []metav1.ManagedFieldsEntry{{Manager: FieldManager}}
	for name, c := range map[string]struct {
		exists  *metav1.ObjectMeta
		creates int
		works   bool
	}{
		"it was created":                      {&metav1.ObjectMeta{CreationTimestamp: metav1.Now(), ManagedFields: own}, 1, true},
		"it was not created":                  {nil, 2, true},
		"an old one has the name":             {&metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(time.Now().Add(-time.Hour)), ManagedFields: own}, 1, false},
		"another program has just created it": {&metav1.ObjectMeta{CreationTimestamp: metav1.Now()}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			set, creates := networks.NewClientset(), 0
			set.PrependReactor("create", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
				if creates++; creates > 1 {
					return false, nil, nil
				}
				return true, nil, lost
			})
			set.PrependReactor("get", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
				if c.exists == nil {
					return false, nil, nil
				}
				found := &v1.BitcoinNetwork{ObjectMeta: *c.exists}
				found.Name = "net"
				return true, found, nil
			})
			got, err := (&Client{Namespace: "ns", Networks: set}).Create(t.Context(), &v1.BitcoinNetwork{ObjectMeta: metav1.ObjectMeta{Name: "net", Namespace: "ns"}}, false)
			if (err == nil) != c.works || creates != c.creates || c.works && got.Name != "net" {
				t.Errorf("after %d calls it returned %v (%v)", creates, got, err)
			}
		})
	}
}
