//go:build faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// volumeSize is that of the data of a pod, in bytes.
const volumeSize = 512 << 20

// mountData gives the data of a root directory a file system of its own, so that it can be full.
func mountData(root string) error {
	data := filepath.Join(root, "data")
	if err := os.MkdirAll(data, 0o750); err != nil {
		return err
	}
	return unix.Mount("data", data, "tmpfs", 0, fmt.Sprint("mode=0750,size=", volumeSize))
}

func unmountData(root string) {
	_ = unix.Unmount(filepath.Join(root, "data"), unix.MNT_DETACH) // it may have none
}

// roots are the root directories of all pods so far.
func (k *kubelet) roots() []string {
	list, err := filepath.Glob(filepath.Join(k.dir, "*", "data"))
	if err != nil {
		return nil
	}
	for i := range list {
		list[i] = filepath.Dir(list[i])
	}
	return list
}

// resize gives the data some free bytes.
func (c *container) resize(free int64) error {
	data := filepath.Join(c.root, "data")
	var is unix.Statfs_t
	if err := unix.Statfs(data, &is); err != nil {
		return err
	}
	used := int64(is.Blocks-is.Bfree) * is.Bsize //nolint:gosec // at most volumeSize
	return unix.Mount("", data, "", unix.MS_REMOUNT, fmt.Sprint("size=", used+free))
}

// fillVolume lets the data of a pod be full for a while.
func (r *run) fillVolume(ctx context.Context, c *container, lasts time.Duration) {
	// It grows while its use is measured.
	fill := func() {
		if err := c.resize(64 << 10); err != nil && c.resize(1<<20) != nil {
			r.note("fill the volume of %s: %v", c.pod.Name, err)
		}
	}
	r.hold(ctx, "disk "+c.root, lasts, fill, func() {
		if err := c.resize(volumeSize); err != nil && !errors.Is(err, os.ErrNotExist) {
			r.note("empty the volume of %s: %v", c.pod.Name, err)
		}
	})
}

// provision binds a claim.
func (k *kubelet) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim) {
	if claim.Status.Phase == corev1.ClaimBound || claim.DeletionTimestamp != nil {
		return
	}
	// A new claim has a new volume.
	root := filepath.Join(k.dir, claim.Name)
	unmountData(root)
	_ = os.RemoveAll(root)
	size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	claims := k.clients.CoreV1().PersistentVolumeClaims(k.namespace)
	_, err := claims.Patch(ctx, claim.Name, types.MergePatchType, fmt.Appendf(nil, `{"spec":{"volumeName":"volume-%s"}}`, claim.UID), metav1.PatchOptions{})
	if err == nil {
		_, err = claims.Patch(ctx, claim.Name, types.MergePatchType,
			fmt.Appendf(nil, `{"status":{"phase":"Bound","accessModes":["ReadWriteOnce"],"capacity":{"storage":%q}}}`, size.String()), metav1.PatchOptions{}, "status")
	}
	if err != nil && ctx.Err() == nil {
		k.log("claim %s: %v", claim.Name, err)
	}
}
