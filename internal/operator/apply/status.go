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

// Status writes the status of an object, which stays as it is, and returns its new resource version. When the object has another version, a
// status that this one does not know of may have been written, or it may be another object of the name: that is a conflict.
func Status(ctx context.Context, c client.Client, object client.Object, status any) (resourceVersion string, err error) {
	// The whole status: a merge patch would never write a 0, which is omitted. A test of the version would not fail with a conflict.
	patch, err := json.Marshal([]map[string]any{
		{"op": "add", "path": "/metadata/resourceVersion", "value": object.GetResourceVersion()},
		{"op": "add", "path": "/status", "value": status},
	})
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
