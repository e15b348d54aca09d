package controller

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/christianb93/bitcoin-controller/internal/operator/claims"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// growClaims requests the size of the spec from claims that are smaller. It returns why the cluster rejects it, "" if it does not.
func (r *Reconciler) growClaims(ctx context.Context, network *v1.LightningNetwork, state *networkState, set *appsv1.StatefulSet, nodes []node, now time.Time) string {
	storage := (*v1.Storage)(network.Spec.Storage)
	if storage == nil || storage.Size == nil {
		return ""
	}
	existing := map[types.UID]bool{}
	var pods []claims.Pod
	for i := range nodes {
		pod := nodes[i].pod
		if pod == nil {
			continue
		}
		existing[pod.UID] = true
		if pod.Spec.NodeName != "" && claims.MayBeSmall(storage, set) {
			pods = append(pods, claims.Pod{Namespace: network.Namespace, Name: pod.Name, UID: pod.UID})
		}
	}
	state.claims.KeepOnly(existing)
	return state.claims.Grow(ctx, claims.Grower{Client: r.client, Live: r.live, Now: r.options.Now}, pods, *storage.Size, now)
}
