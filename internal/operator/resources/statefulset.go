package resources

import (
	"math"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	// nodeUser is the user and group of the nodes, whatever the user of the image is.
	nodeUser int64 = 1000
	// gracePeriodSeconds let bitcoind flush its chain state, which a SIGKILL damages.
	gracePeriodSeconds int64 = 60

	// settledSeconds are the time that a restarted node has to connect and sync before kubectl rollout restart proceeds to the
	// next one. The operator's own rollouts wait until the node is synced.
	settledSeconds int32 = 5

	// ContainerName is the name of the container that runs bitcoind.
	ContainerName = "bitcoind"

	podIP        = "POD_IP"
	homeVariable = "HOME"

	dataVolume       = "data"
	configVolume     = "config"
	userConfigVolume = "user-config"
)

func statefulSet(network *v1.BitcoinNetwork, group Group, settings Settings, configHash string) *appsv1.StatefulSet {
	labels := group.Selector(network.Name)
	set := &appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
		ObjectMeta: meta(network, group.StatefulSet, labels),
		Spec: appsv1.StatefulSetSpec{
			Replicas:             ptr.To(int32(group.Pods())), //nolint:gosec // at most 500 by the CRD
			ServiceName:          ServiceName(network.Name),
			PodManagementPolicy:  appsv1.ParallelPodManagement,
			MinReadySeconds:      settledSeconds,
			RevisionHistoryLimit: ptr.To(int32(2)),
			Selector:             &metav1.LabelSelector{MatchLabels: labels},
			UpdateStrategy:       appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: podAnnotations(network, group, configHash, settings.EarlierNodes)},
				Spec:       podSpec(network, group, settings),
			},
		},
	}
	if storage := network.Spec.Storage; storage != nil {
		set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{claim(storage, labels)}
		set.Spec.PersistentVolumeClaimRetentionPolicy = claimRetention(storage)
	}
	return set
}

// claimRetention keeps the claims of removed nodes. The operator sets WhenScaled to Delete only while it removes nodes whose blocks
// the others have: a change of the replicas by hand deletes no claim.
func claimRetention(storage *v1.Storage) *appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy {
	return &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{
		WhenDeleted: appsv1.PersistentVolumeClaimRetentionPolicyType(storage.RetentionPolicy),
		WhenScaled:  appsv1.RetainPersistentVolumeClaimRetentionPolicyType,
	}
}

func podSpec(network *v1.BitcoinNetwork, group Group, settings Settings) corev1.PodSpec {
	spec := network.Spec
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
		Containers:                []corev1.Container{nodeContainer(network, group)},
		Volumes:                   volumes(network, group),
		NodeSelector:              spec.NodeSelector,
		Tolerations:               spec.Tolerations,
		Affinity:                  spec.Affinity,
		TopologySpreadConstraints: spec.TopologySpreadConstraints,
		ImagePullSecrets:          spec.ImagePullSecrets,
	}
	if settings.EarlierNodes {
		asEarlier(&pod.Containers[0])
	} else if !tolerateUnreachable(spec.Tolerations) {
		pod.Tolerations = append(slices.Clone(spec.Tolerations), unreachable)
	}
	if spec.Secret != "" {
		settings.RPCAuth.addTo(&pod, spec.Secret)
	}
	if group.Packed() {
		settings.RPCAuth.addSupervisor(&pod)
	}
	return pod
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

func nodeContainer(network *v1.BitcoinNetwork, group Group) corev1.Container {
	container := corev1.Container{
		Name:  ContainerName,
		Image: group.Image,
		// The name without a path works with every image that has bitcoind on its PATH. A shell would not pass SIGTERM on.
		Command: slices.Concat([]string{"bitcoind"}, nodeArguments(podIP), zmqArguments(network.Spec.ZMQ, podIP)),
		Env: []corev1.EnvVar{
			{Name: homeVariable, Value: homeDir},
			{Name: "MALLOC_ARENA_MAX", Value: "1"},
			{Name: podIP, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "status.podIP"}}},
		},
		Ports:           containerPorts(network),
		Resources:       nodeResources(network.Spec.Resources),
		SecurityContext: restricted(),
		// The last output of rpcauth or bitcoind is in the condition that reports a failing node.
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		ReadinessProbe:           readinessProbe(),
		VolumeMounts: []corev1.VolumeMount{
			{Name: dataVolume, MountPath: dataDir},
			{Name: configVolume, MountPath: configPath, SubPath: configKey, ReadOnly: true},
			{Name: configVolume, MountPath: homeConfigPath, SubPath: configKey, ReadOnly: true},
		},
	}
	if group.Packed() {
		packedContainer(&container, network, group)
	}
	return container
}

// readinessProbe makes a pod ready when its bitcoind has answered for the first time, until its container ends. bitcoind answers REST
// in the threads that carry out calls, and any user can take all of these with calls that wait, such as waitfornewblock, whatever
// their number: the node would be out of the network for everybody. Whether a node answers now is in the condition NodesReady of the
// network. TCP probes are no alternative: the RPC port accepts connections long before bitcoind answers, and on the P2P port each
// probe would be a peer in getconnectioncount. With the long timeout one request of the kubelet waits in bitcoind's queue, which
// keeps those whose client has gone, instead of one more each second.
func readinessProbe() *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: "/rest/chaininfo.json", Port: intstr.FromString("rpc"),
		}},
		PeriodSeconds: 1, TimeoutSeconds: 60, FailureThreshold: math.MaxInt32,
	}
}

func nodeResources(specified *corev1.ResourceRequirements) corev1.ResourceRequirements {
	if specified != nil {
		return *specified
	}
	return corev1.ResourceRequirements{Requests: quantities("10m", "64Mi"), Limits: quantities("1", "256Mi")}
}

func quantities(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory),
	}
}

func volumes(network *v1.BitcoinNetwork, group Group) []corev1.Volume {
	list := []corev1.Volume{{
		Name: configVolume,
		VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: group.ConfigMap},
		}},
	}}
	if network.Spec.Storage == nil {
		list = append(list, corev1.Volume{Name: dataVolume, VolumeSource: corev1.VolumeSource{
			EmptyDir: &corev1.EmptyDirVolumeSource{},
		}})
	}
	if group.Packed() {
		list = append(list, packedVolumes(group)...)
	}
	return list
}

// memoryVolume is in memory only, since its content is derived from a Secret.
func memoryVolume(name, size string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: ptr.To(resource.MustParse(size))},
	}}
}

func claim(storage *v1.Storage, labels map[string]string) corev1.PersistentVolumeClaim {
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
