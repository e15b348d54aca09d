package resources

import (
	"math"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	supervisor "github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
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
		set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{Claim(storage, labels)}
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
	placement := Placement{spec.NodeSelector, spec.Tolerations, spec.Affinity, spec.TopologySpreadConstraints, spec.ImagePullSecrets}
	pod := NewPod(placement, nodeContainer(network, group), volumes(network, group))
	if settings.EarlierNodes {
		asEarlier(&pod.Containers[0])
		pod.Tolerations = spec.Tolerations
	}
	if spec.Secret != "" {
		settings.RPCAuth.addTo(&pod, spec.Secret)
	}
	if group.Packed() {
		settings.RPCAuth.AddProgram(&pod, supervisor.Program)
	}
	return pod
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
		SecurityContext: Restricted(),
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
	return corev1.ResourceRequirements{Requests: Quantities("10m", "64Mi"), Limits: Quantities("1", "256Mi")}
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
