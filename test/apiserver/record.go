package apiserver

import (
	"context"
	"errors"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Record is every version of a network since it was started, for what must never be so in between.
type Record struct {
	mu       sync.Mutex
	versions []v1.BitcoinNetwork
}

// Record starts to record the network, from its present version on.
func (n *Network) Record() *Record {
	n.t.Helper()
	api, err := client.NewWithWatch(n.Config, client.Options{Scheme: n.Scheme})
	ok(n.t, err)
	r := &Record{versions: []v1.BitcoinNetwork{*n.Get()}}
	ctx, cancel := context.WithCancel(context.Background())
	watching, err := api.Watch(ctx, &v1.BitcoinNetworkList{}, client.InNamespace(n.Namespace.Name), client.MatchingFields{"metadata.name": n.Name})
	ok(n.t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range watching.ResultChan() {
			r.add(event)
		}
	}()
	n.t.Cleanup(func() {
		cancel()
		watching.Stop()
		<-done
	})
	return r
}

func (r *Record) add(event watch.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if network, ok := event.Object.(*v1.BitcoinNetwork); ok {
		r.versions = append(r.versions, *network)
	}
}

// Until returns the versions up to the one with this resource version, which it waits for.
func (n *Network) Until(r *Record, resourceVersion string) []v1.BitcoinNetwork {
	n.t.Helper()
	var list []v1.BitcoinNetwork
	testtools.Eventually(n.t, "the record to have the version "+resourceVersion, Limit, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		at := slices.IndexFunc(r.versions, func(v v1.BitcoinNetwork) bool { return v.ResourceVersion == resourceVersion })
		if at < 0 {
			return errors.New("it does not have it")
		}
		list = slices.Clone(r.versions[:at+1])
		return nil
	})
	return list
}
