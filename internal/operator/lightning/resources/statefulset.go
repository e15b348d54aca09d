package resources

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

const (
	dataVolume   = "data"
	configVolume = "config"
	// runVolume is in memory, since it has bitcoind's password.
	runVolume    = "run"
	secretVolume = "secret"
	agentPort    = "agent"
)

func statefulSet(network *v1.LightningNetwork, settings Settings, config *corev1.ConfigMap) *appsv1.StatefulSet {
	labels := Labels(network.Name)
	set := &appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
		ObjectMeta: meta(network, ObjectName(network.Name)),
		Spec: appsv1.StatefulSetSpec{
			Replicas:             ptr.To(network.Spec.Nodes),
			ServiceName:          ObjectName(network.Name),
			PodManagementPolicy:  appsv1.ParallelPodManagement,
			RevisionHistoryLimit: ptr.To(int32(2)),
			Selector:             &metav1.LabelSelector{MatchLabels: labels},
			UpdateStrategy:       appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{
					// Without the credential: the agent reads that at each request, and a restarted pod without storage loses everything.
					resources.AnnotationConfigHash: resources.Hash(config.Data[api.ConfigKey]),
				}},
				Spec: podSpec(network, settings),
			},
		},
	}
	if storage := (*v1.Storage)(network.Spec.Storage); storage != nil {
		set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{resources.Claim(storage, labels)}
		set.Spec.PersistentVolumeClaimRetentionPolicy = claimRetention(network)
	}
	return set
}

// claimRetention keeps the claims of a network that is scaled to 0 with both policies.
func claimRetention(network *v1.LightningNetwork) *appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy {
	policy := appsv1.PersistentVolumeClaimRetentionPolicyType(network.Spec.Storage.RetentionPolicy)
	retention := &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{WhenDeleted: policy, WhenScaled: policy}
	if network.Spec.Nodes == 0 {
		retention.WhenScaled = appsv1.RetainPersistentVolumeClaimRetentionPolicyType
	}
	return retention
}

func podSpec(network *v1.LightningNetwork, settings Settings) corev1.PodSpec {
	spec := network.Spec
	placement := resources.Placement{
		NodeSelector: spec.NodeSelector, Tolerations: spec.Tolerations, Affinity: spec.Affinity,
		TopologySpreadConstraints: spec.TopologySpreadConstraints, ImagePullSecrets: spec.ImagePullSecrets,
	}
	pod := resources.NewPod(placement, nodeContainer(network, settings.Image), volumes(network))
	if spec.Secret != "" {
		addSecret(&pod, spec.Secret)
	}
	settings.Delivery.AddProgram(&pod, api.Program)
	return pod
}

// addSecret lets the kubelet mount the user's Secret. It is optional, so that the agent starts without it and reports that it is missing.
func addSecret(pod *corev1.PodSpec, name string) {
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: secretVolume, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
		SecretName: name, DefaultMode: ptr.To(int32(0o440)), Optional: ptr.To(true),
	}}})
	node := &pod.Containers[0]
	node.Command = slices.Insert(node.Command, 1, "--secret-dir="+api.SecretDir)
	node.VolumeMounts = append(node.VolumeMounts, corev1.VolumeMount{Name: secretVolume, MountPath: api.SecretDir, ReadOnly: true})
}

func nodeContainer(network *v1.LightningNetwork, image string) corev1.Container {
	if network.Spec.Image != "" {
		image = network.Spec.Image
	}
	return corev1.Container{
		Name:  ContainerName,
		Image: image,
		// LND is the child of the agent, which completes its configuration.
		Command:                  []string{resources.ProgramPath(api.Program), "--", "lnd"},
		Env:                      environment(),
		Ports:                    containerPorts(),
		Resources:                nodeResources(network.Spec.Resources),
		SecurityContext:          resources.Restricted(),
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		// The agent answers from what it knows: both probes cost LND nothing.
		ReadinessProbe: probe(api.ReadyPath, 1, 3),
		// LND may take long for an answer while it makes or opens its wallet, and an LND that is restarted has to do so again.
		LivenessProbe: probe(api.AlivePath, 10, 6),
		VolumeMounts: []corev1.VolumeMount{
			{Name: dataVolume, MountPath: api.DataDir},
			{Name: configVolume, MountPath: api.ConfigDir, ReadOnly: true},
			{Name: runVolume, MountPath: api.RunDir},
		},
	}
}

// environment makes lncli without options that of the node, for kubectl exec.
func environment() []corev1.EnvVar {
	return []corev1.EnvVar{
		{Name: "HOME", Value: api.DataDir}, {Name: "LNCLI_LNDDIR", Value: api.DataDir}, {Name: "LNCLI_NETWORK", Value: "regtest"},
		{Name: api.PodNameVariable, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.name"}}},
	}
}

func containerPorts() []corev1.ContainerPort {
	var ports []corev1.ContainerPort
	for _, p := range nodePorts() {
		ports = append(ports, corev1.ContainerPort{Name: p.Name, ContainerPort: p.Port, Protocol: p.Protocol})
	}
	return append(ports, corev1.ContainerPort{Name: agentPort, ContainerPort: api.Port, Protocol: corev1.ProtocolTCP})
}

func probe(path string, periodSeconds, failureThreshold int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString(agentPort)}},
		PeriodSeconds: periodSeconds, TimeoutSeconds: 5, FailureThreshold: failureThreshold,
	}
}

func nodeResources(specified *corev1.ResourceRequirements) corev1.ResourceRequirements {
	if specified != nil {
		return *specified
	}
	return corev1.ResourceRequirements{Requests: resources.Quantities("20m", "128Mi"), Limits: resources.Quantities("2", "512Mi")}
}

func volumes(network *v1.LightningNetwork) []corev1.Volume {
	list := []corev1.Volume{
		{Name: configVolume, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: ObjectName(network.Name)},
		}}},
		resources.MemoryVolume(runVolume, "1Mi"),
	}
	if network.Spec.Storage == nil {
		list = append(list, corev1.Volume{Name: dataVolume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	}
	return list
}
