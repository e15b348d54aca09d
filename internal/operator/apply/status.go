package apply

import (
	"context"
	"encoding/json"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// statusTimeout ends a status patch that the API server does not answer.
const statusTimeout = 10 * time.Second

// Status writes the status of an object, which stays as it is, and returns its new resource version.
func Status(ctx context.Context, c client.Client, object client.Object, status any) (resourceVersion string, err error) {
	// The whole status: a merge patch would never write a 0, which is omitted.
	patch, err := json.Marshal([]map[string]any{{"op": "add", "path": "/status", "value": status}})
	if err != nil {
		return "", err
	}
	// An operator that is stopped at this moment must know whether it has written the status: a status without a known result
	// would be a transition without an event.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statusTimeout)
	defer cancel()
	patched := object.DeepCopyObject().(client.Object)
	if err := c.Status().Patch(ctx, patched, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return "", err
	}
	return patched.GetResourceVersion(), nil
}
