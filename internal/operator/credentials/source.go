package credentials

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Reader reads the keys that credentials are derived from. Credentials is one.
type Reader interface {
	// Read reads them for the first time.
	Read(ctx context.Context) error
	// Follow calls changed after each change, until the context ends.
	Follow(ctx context.Context, changed func())
}

// Source is a source of passes: of all resources of a controller when the keys change. A controller starts its sources after the
// election, and its passes when the sources are synced. A replica that stood by while the key was rotated would otherwise restart all
// nodes with the key that it read at its own start. Each source needs a reader of its own, which calls one function for each change.
type Source struct {
	reader    Reader
	resources func(context.Context) ([]types.NamespacedName, error)
	// read receives the result of the first read.
	read chan error
}

// NewSource returns a source of passes of the resources that the function lists.
func NewSource(reader Reader, resources func(context.Context) ([]types.NamespacedName, error)) *Source {
	return &Source{reader: reader, resources: resources, read: make(chan error, 1)}
}

// Start implements source.Source.
func (s *Source) Start(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	go func() {
		err := s.reader.Read(ctx)
		s.read <- err
		if err == nil {
			s.reader.Follow(ctx, func() { s.requestPasses(ctx, queue) })
		}
	}()
	return nil
}

// WaitForSync implements source.SyncingSource.
func (s *Source) WaitForSync(ctx context.Context) error {
	select {
	case err := <-s.read:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Source) requestPasses(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	keys, err := s.resources(ctx)
	if err != nil {
		log.FromContext(ctx).Error(err, "The networks could not be listed after a change of the credentials; each is reconciled at its next poll")
		return
	}
	for _, key := range keys {
		queue.Add(reconcile.Request{NamespacedName: key})
	}
}
