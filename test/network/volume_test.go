//go:build e2e

package network

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// onClusterNode runs a shell command on the cluster node, which is a container of Docker's.
func (env *testEnv) onClusterNode(ctx context.Context, script string) error {
	nodes, err := cluster.Core.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "docker", "exec", nodes.Items[0].Name, "sh", "-c", script).CombinedOutput(); err != nil { //nolint:gosec // a test's own script
		return fmt.Errorf("%s: %w: %s", script, err, out)
	}
	return nil
}

// smallVolume is a volume in memory for the claim of a pod, and the directory on the cluster node where it is.
func (env *testEnv) smallVolume(pod, class, size string) (dir string) {
	env.Helper()
	dir = "/run/" + env.namespace + "-" + pod
	if err := env.onClusterNode(env.Context(), fmt.Sprintf("mkdir %s && mount -t tmpfs -o size=%s,mode=0777 tmpfs %s", dir, size, dir)); err != nil {
		env.Fatal(err)
	}
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: env.namespace + "-" + pod}, Spec: corev1.PersistentVolumeSpec{
		Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("128Mi")}, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		StorageClassName: class, PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
		ClaimRef:               &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: env.namespace, Name: "data-" + pod},
		PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: dir}},
	}}
	if _, err := cluster.Core.CoreV1().PersistentVolumes().Create(env.Context(), volume, metav1.CreateOptions{}); err != nil {
		env.Fatal(err)
	}
	env.Cleanup(func() {
		err := cluster.Core.CoreV1().PersistentVolumes().Delete(context.Background(), volume.Name, metav1.DeleteOptions{})
		// Lazily, since the pod may still be ending.
		if err := errors.Join(err, env.onClusterNode(context.Background(), "umount -l "+dir+" && rmdir "+dir)); err != nil {
			env.Error(err)
		}
	})
	return dir
}

// bitcoind ends on a full volume and does not start there. The condition names the cause, the other nodes continue, and the node returns with its
// chain and its wallets when there is room.
func TestANodeWhoseVolumeIsFullIsNamedAndReturns(t *testing.T) {
	skipIfShort(t)
	testtools.Docker(t)
	env := newEnv(t, 3)
	n := network("brimful", 3)
	n.Spec.Storage = &v1.Storage{Size: ptr.To(resource.MustParse("128Mi")), StorageClassName: ptr.To("small-" + env.namespace)}
	var full string
	for i := range 3 {
		full = env.smallVolume(fmt.Sprintf("brimful-sts-%d", i), *n.Spec.Storage.StorageClassName, "90m")
	}
	env.create(n)
	env.ready("brimful", readyTimeout)
	env.mineToWallet("brimful-sts-2", "savings")
	env.allHave("brimful", 101)
	if err := env.onClusterNode(t.Context(), "head -c 60000000 /dev/zero >"+full+"/filler"); err != nil {
		t.Fatal(err)
	}
	best := env.mineAt("brimful-sts-0", "200")
	env.eventually("Stalled to give the cause", 2*time.Minute, func() error {
		const words = "the data volume is full or cannot be written: enlarge spec.storage.size"
		stalled := meta.FindStatusCondition(env.get("brimful").Status.Conditions, v1.ConditionStalled)
		if stalled.Status != metav1.ConditionTrue || stalled.Reason != v1.ReasonNodeFailing || !strings.Contains(stalled.Message, "brimful-sts-2") || !strings.Contains(stalled.Message, words) {
			return fmt.Errorf("%s %s: %s", stalled.Status, stalled.Reason, stalled.Message)
		}
		return nil
	})
	t.Logf("Stalled: %s", env.condition("brimful", v1.ConditionStalled).Message)
	if status := env.get("brimful").Status; status.Height != 301 || status.BestBlockHash != best || status.Nodes[1].Blocks != 301 || status.Nodes[1].Peers != 1 {
		t.Errorf("the other nodes: height %d, node 1 %+v", status.Height, status.Nodes[1])
	}
	if err := env.onClusterNode(t.Context(), "rm "+full+"/filler"); err != nil {
		t.Fatal(err)
	}
	// The kubelet waits for minutes before it starts the container again, but a new pod it starts at once.
	if err := cluster.Core.CoreV1().Pods(env.namespace).Delete(t.Context(), "brimful-sts-2", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	env.eventually("the node to be in the network again", readyTimeout, func() error {
		status := env.get("brimful").Status
		if ready := meta.FindStatusCondition(status.Conditions, v1.ConditionReady); ready.Status != metav1.ConditionTrue || status.Nodes[2].Blocks != 301 {
			return fmt.Errorf("%s: %s", ready.Reason, ready.Message)
		}
		return nil
	})
	env.hasCoins("brimful-sts-2", "savings", "5050.00000000")
}
