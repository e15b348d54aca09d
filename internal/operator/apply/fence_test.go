package apply

import (
	"context"
	"errors"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/christianb93/bitcoin-controller/internal/operator/lease"
	"github.com/christianb93/bitcoin-controller/internal/operator/lease/leasetest"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestNothingIsWrittenWithoutTheLease(t *testing.T) {
	fence, _, _ := leasetest.New()
	set, c := statefulSet(t), lease.Client(fake.NewClientBuilder().Build(), fence)
	config, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	writer := Writer{Client: c}
	for name, write := range map[string]func() error{
		"a create": func() error {
			_, _, err := writer.Create(t.Context(), set)
			return err
		},
		"an apply": func() error {
			_, err := writer.Change(t.Context(), config, set, Drift{})
			return err
		},
		"a status": func() error {
			_, err := Status(t.Context(), c, &v1.BitcoinNetwork{}, v1.BitcoinNetworkStatus{})
			return err
		},
	} {
		if err := write(); !errors.Is(err, lease.ErrNotRenewed) || !PassesByItself(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNothingIsAppliedAfterTheLeaseIsLost(t *testing.T) {
	fence, acquire, lose := leasetest.New()
	acquire()
	patches := 0
	c := fake.NewClientBuilder().WithReturnManagedFields().WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(ctx context.Context, next client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			patches++
			lose()
			return next.Patch(ctx, object, patch, options...)
		},
	}).Build()
	set, writer := statefulSet(t), Writer{Client: lease.Client(c, fence), Live: c}
	if _, _, err := writer.Create(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	existing := &appsv1.StatefulSet{}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(set), existing); err != nil {
		t.Fatal(err)
	}
	set.Spec.Template.Spec.Containers[0].Image = "nodes:2"
	config, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	// The fields are those of the create request, so that the first write is the patch that takes them over.
	if _, err := writer.Change(t.Context(), config, existing, Drift{}); !errors.Is(err, lease.ErrNotRenewed) || patches != 1 {
		t.Errorf("%d patches, %v", patches, err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(set), existing); err != nil || existing.Spec.Template.Spec.Containers[0].Image != "nodes:1" {
		t.Errorf("the image is %s, %v", existing.Spec.Template.Spec.Containers[0].Image, err)
	}
}
