package resources

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	agent "github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	supervisor "github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

const (
	// InitContainerName is the name of the container that hashes the users' Secret before bitcoind starts.
	InitContainerName = "rpcauth"

	deliveryVolume = "bitcoin-controller"
	deliveryDir    = "/run/bitcoin-controller"
	// rpcauthProgram is cmd/rpcauth in the operator's image.
	rpcauthProgram = "/rpcauth"
)

// operatorCommand is how the operator of an earlier release, whose image has no other program, writes the rpcauth line.
var operatorCommand = []string{"/bitcoin-controller", "rpcauth"}

// RPCAuthDelivery is how the programs of the operator's own image get into the pods: supervisor into those with several nodes, lnd-agent
// into those of LND, and rpcauth into those of a network with a Secret, where it turns the Secret into an rpcauth line. bitcoind itself
// takes a password from its arguments only, which every user of the machine can read, and the node image need not have a shell. The kubelet provides the Secret, so that the operator needs no right to read it.
type RPCAuthDelivery struct {
	// Image of the operator.
	Image string
	// OperatorImage is an image of an earlier release, whose only program is the operator.
	OperatorImage bool
	// Volume mounts the image into bitcoind's container, where the program writes the line and then executes bitcoind. It needs
	// Kubernetes 1.36. Otherwise the program runs as an init container, whose end the kubelet sees only after seconds.
	Volume bool
}

// RPCAuthDeliveryOf is the delivery of an existing StatefulSet, false for one without.
func RPCAuthDeliveryOf(set *appsv1.StatefulSet) (RPCAuthDelivery, bool) {
	spec := set.Spec.Template.Spec
	for _, volume := range spec.Volumes {
		if volume.Name == deliveryVolume && volume.Image != nil && len(spec.Containers) > 0 {
			command := spec.Containers[0].Command
			isOperator := len(command) > 0 && command[0] == deliveryDir+operatorCommand[0]
			return RPCAuthDelivery{Image: volume.Image.Reference, Volume: true, OperatorImage: isOperator}, true
		}
	}
	for _, container := range spec.InitContainers {
		if container.Name == InitContainerName || container.Name == supervisor.Program || container.Name == agent.Program {
			return RPCAuthDelivery{Image: container.Image, OperatorImage: len(container.Command) == 0}, true
		}
	}
	return RPCAuthDelivery{}, false
}

// addTo gives a node's pod the Secret and the program that reads it.
func (d RPCAuthDelivery) addTo(pod *corev1.PodSpec, secret string) {
	node := &pod.Containers[0]
	command := []string{rpcauthProgram}
	if d.OperatorImage {
		command = slices.Clone(operatorCommand)
	}
	command = append(command, "--output", rpcauth.File)
	output := corev1.VolumeMount{Name: userConfigVolume, MountPath: rpcauth.Dir}
	pod.Volumes = append(pod.Volumes, MemoryVolume(userConfigVolume, "1Mi"))
	if d.Volume {
		pod.Volumes = append(pod.Volumes, d.volume())
		command[0] = deliveryDir + command[0]
		node.Command = slices.Concat(command, []string{"--"}, node.Command)
		node.Env = append(node.Env, secretEnv(secret)...)
		node.VolumeMounts = append(node.VolumeMounts, output, corev1.VolumeMount{Name: deliveryVolume, MountPath: deliveryDir, ReadOnly: true})
		return
	}
	pod.InitContainers = []corev1.Container{d.initContainer(command, secret, output)}
	output.ReadOnly = true
	node.VolumeMounts = append(node.VolumeMounts, output)
}

// volume mounts the image.
func (d RPCAuthDelivery) volume() corev1.Volume {
	return corev1.Volume{Name: deliveryVolume, VolumeSource: corev1.VolumeSource{
		Image: &corev1.ImageVolumeSource{Reference: d.Image, PullPolicy: corev1.PullIfNotPresent},
	}}
}

// programContainer runs a program of the image before bitcoind starts.
func (d RPCAuthDelivery) programContainer(name string, command []string) corev1.Container {
	return corev1.Container{
		Name:                     name,
		Image:                    d.Image,
		Command:                  command,
		SecurityContext:          Restricted(),
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		Resources: corev1.ResourceRequirements{
			Requests: Quantities("10m", "16Mi"), Limits: Quantities("1", "64Mi"),
		},
	}
}

// ProgramPath is where AddProgram brings a program.
func ProgramPath(program string) string { return deliveryDir + "/" + program }

// AddProgram brings a program of the image, which can copy itself, into the first container of a pod. Where no image volume brings it, an init
// container does, which has the program's name.
func (d RPCAuthDelivery) AddProgram(pod *corev1.PodSpec, program string) {
	node := &pod.Containers[0]
	mount := corev1.VolumeMount{Name: deliveryVolume, MountPath: deliveryDir}
	if !d.Volume {
		size := resource.MustParse("64Mi")
		pod.Volumes = append(pod.Volumes, corev1.Volume{Name: deliveryVolume, VolumeSource: corev1.VolumeSource{
			EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &size},
		}})
		container := d.programContainer(program, []string{"/" + program, "--copy-to=" + deliveryDir})
		container.VolumeMounts = []corev1.VolumeMount{mount}
		pod.InitContainers = append(pod.InitContainers, container)
	} else if !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == deliveryVolume }) {
		pod.Volumes = append(pod.Volumes, d.volume())
	}
	if !slices.ContainsFunc(node.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == deliveryVolume }) {
		mount.ReadOnly = true
		node.VolumeMounts = append(node.VolumeMounts, mount)
	}
}

func (d RPCAuthDelivery) initContainer(command []string, secret string, output corev1.VolumeMount) corev1.Container {
	container := d.programContainer(InitContainerName, command)
	container.Env, container.VolumeMounts = secretEnv(secret), []corev1.VolumeMount{output}
	if d.OperatorImage {
		// The program is the image's entrypoint.
		container.Command, container.Args = nil, command[1:]
	}
	return container
}

func secretEnv(secret string) []corev1.EnvVar {
	env := func(key string) corev1.EnvVar {
		return corev1.EnvVar{Name: key, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key,
		}}}
	}
	return []corev1.EnvVar{env(rpcauth.UserKey), env(rpcauth.PasswordKey)}
}
