package resources

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// What the pods of a BitcoinNetwork and those of a LightningNetwork have in common.

const (
	// nodeUser is the user and group of the nodes, whatever the user of the image is.
	nodeUser int64 = 1000
	// gracePeriodSeconds let bitcoind flush its chain state, which a SIGKILL damages.
	gracePeriodSeconds int64 = 60
)

// Owned is the metadata of an object that a network controls.
func Owned(network metav1.Object, kind, name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:      name,
		Namespace: network.GetNamespace(),
		Labels:    labels,
		OwnerReferences: []metav1.OwnerReference{
			*metav1.NewControllerRef(network, v1.SchemeGroupVersion.WithKind(kind)),
		},
	}
}

// Placement is where the pods of a network may run, and what pulls their images, as its spec has it.
type Placement struct {
	NodeSelector              map[string]string
	Tolerations               []corev1.Toleration
	Affinity                  *corev1.Affinity
	TopologySpreadConstraints []corev1.TopologySpreadConstraint
	ImagePullSecrets          []corev1.LocalObjectReference
}

// NewPod returns a pod with one container. It meets the Pod Security Standard restricted if its containers do.
func NewPod(placement Placement, container corev1.Container, volumes []corev1.Volume) corev1.PodSpec {
	pod := corev1.PodSpec{
		AutomountServiceAccountToken:  ptr.To(false),
		EnableServiceLinks:            ptr.To(false),
		TerminationGracePeriodSeconds: ptr.To(gracePeriodSeconds),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(nodeUser), RunAsGroup: ptr.To(nodeUser), FSGroup: ptr.To(nodeUser),
			// A chain may have thousands of files, whose owner changes only once.
			FSGroupChangePolicy: ptr.To(corev1.FSGroupChangeOnRootMismatch),
			SeccompProfile:      &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers:                []corev1.Container{container},
		Volumes:                   volumes,
		NodeSelector:              placement.NodeSelector,
		Tolerations:               placement.Tolerations,
		Affinity:                  placement.Affinity,
		TopologySpreadConstraints: placement.TopologySpreadConstraints,
		ImagePullSecrets:          placement.ImagePullSecrets,
	}
	if !tolerateUnreachable(placement.Tolerations) {
		pod.Tolerations = append(slices.Clone(placement.Tolerations), unreachable)
	}
	return pod
}

// Restricted meets the Pod Security Standard of that name.
func Restricted() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// unreachable is the toleration of a cluster node that has failed, without a limit. Kubernetes marks a pod there for deletion after five
// minutes by default, and nothing comes of it but that the pod is replaced, and its chain and wallets in an emptyDir are deleted, when
// the cluster node returns: until then nobody ends it, and the StatefulSet starts no other one of its name. A pod on a cluster node
// that is not ready, but can be reached, is moved after five minutes.
var unreachable = corev1.Toleration{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute}

// tolerateUnreachable reports whether there is a toleration of a cluster node that has failed, with or without a limit.
func tolerateUnreachable(list []corev1.Toleration) bool {
	return slices.ContainsFunc(list, func(t corev1.Toleration) bool {
		return (t.Key == unreachable.Key || t.Key == "") && (t.Effect == unreachable.Effect || t.Effect == "")
	})
}

// Quantities of CPU and memory, for requests or limits.
func Quantities(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory),
	}
}

// MemoryVolume is in memory only, since its content is derived from a Secret.
func MemoryVolume(name, size string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: ptr.To(resource.MustParse(size))},
	}}
}

// Claim is the template of the claim of a pod.
func Claim(storage *v1.Storage, labels map[string]string) corev1.PersistentVolumeClaim {
	requests := corev1.ResourceList{}
	if storage.Size != nil { // the API server sets the default
		requests[corev1.ResourceStorage] = *storage.Size
	}
	return corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: metav1.ObjectMeta{Name: dataVolume, Labels: labels},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: storage.StorageClassName,
			Resources:        corev1.VolumeResourceRequirements{Requests: requests},
		},
	}
}
