package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Credentials are what Settings.Credential and PreviousCredential derive the operator's credentials from.
type Credentials interface {
	// Read reads them for the first time.
	Read(ctx context.Context) error
	// Follow calls changed after each change, until the context ends.
	Follow(ctx context.Context, changed func())
}

// credentialSource is a source of passes: of all networks when the credentials change. A controller starts its sources after the
// election, and its passes when the sources are synced. A replica that stood by while the key was rotated would otherwise restart all
// nodes with the key that it read at its own start.
type credentialSource struct {
	credentials Credentials
	networks    client.Reader
	// read receives the result of the first read.
	read chan error
}

// Start implements source.Source.
func (s *credentialSource) Start(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	go func() {
		err := s.credentials.Read(ctx)
		s.read <- err
		if err == nil {
			s.credentials.Follow(ctx, func() { s.requestPasses(ctx, queue) })
		}
	}()
	return nil
}

// WaitForSync implements source.SyncingSource.
func (s *credentialSource) WaitForSync(ctx context.Context) error {
	select {
	case err := <-s.read:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *credentialSource) requestPasses(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	var networks v1.BitcoinNetworkList
	if err := s.networks.List(ctx, &networks); err != nil {
		log.FromContext(ctx).Error(err, "The networks could not be listed after a change of the credentials; each is reconciled at its next poll")
		return
	}
	for i := range networks.Items {
		queue.Add(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: networks.Items[i].Namespace, Name: networks.Items[i].Name}})
	}
}
