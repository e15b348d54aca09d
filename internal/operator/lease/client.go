package lease

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Client returns a client that checks the fence before each change that it sends, so that no loop of changes continues without the lease.
// Without a fence it is the client itself.
func Client(c client.Client, fence *Fence) client.Client {
	if fence == nil {
		return c
	}
	return fencedClient{c, fence}
}

type fencedClient struct {
	client.Client
	fence *Fence
}

// checked makes a change, unless the operator may not.
func (f *Fence) checked(change func() error) error {
	if err := f.Check(); err != nil {
		return err
	}
	return change()
}

func (c fencedClient) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	return c.fence.checked(func() error { return c.Client.Create(ctx, object, options...) })
}

func (c fencedClient) Update(ctx context.Context, object client.Object, options ...client.UpdateOption) error {
	return c.fence.checked(func() error { return c.Client.Update(ctx, object, options...) })
}

func (c fencedClient) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	return c.fence.checked(func() error { return c.Client.Patch(ctx, object, patch, options...) })
}

func (c fencedClient) Apply(ctx context.Context, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
	return c.fence.checked(func() error { return c.Client.Apply(ctx, object, options...) })
}

func (c fencedClient) Delete(ctx context.Context, object client.Object, options ...client.DeleteOption) error {
	return c.fence.checked(func() error { return c.Client.Delete(ctx, object, options...) })
}

func (c fencedClient) DeleteAllOf(ctx context.Context, object client.Object, options ...client.DeleteAllOfOption) error {
	return c.fence.checked(func() error { return c.Client.DeleteAllOf(ctx, object, options...) })
}

func (c fencedClient) Status() client.SubResourceWriter { return c.SubResource("status") }

func (c fencedClient) SubResource(name string) client.SubResourceClient {
	return fencedSubResource{c.Client.SubResource(name), c.fence}
}

type fencedSubResource struct {
	client.SubResourceClient
	fence *Fence
}

func (c fencedSubResource) Create(ctx context.Context, object, of client.Object, options ...client.SubResourceCreateOption) error {
	return c.fence.checked(func() error { return c.SubResourceClient.Create(ctx, object, of, options...) })
}

func (c fencedSubResource) Update(ctx context.Context, object client.Object, options ...client.SubResourceUpdateOption) error {
	return c.fence.checked(func() error { return c.SubResourceClient.Update(ctx, object, options...) })
}

func (c fencedSubResource) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
	return c.fence.checked(func() error { return c.SubResourceClient.Patch(ctx, object, patch, options...) })
}

func (c fencedSubResource) Apply(ctx context.Context, object runtime.ApplyConfiguration, options ...client.SubResourceApplyOption) error {
	return c.fence.checked(func() error { return c.SubResourceClient.Apply(ctx, object, options...) })
}
