package resources

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
)

const (
	// InitContainerName is the name of the container that hashes the users' Secret before bitcoind starts.
	InitContainerName = "rpcauth"

	helperVolume = "bitcoin-controller"
	helperDir    = "/run/bitcoin-controller"
	// helperProgram is cmd/rpcauth in the operator's image.
	helperProgram = "/rpcauth"
)

// wholeOperator is how operators of earlier releases do the helper's work, which have no program of its own for it.
var wholeOperator = []string{"/bitcoin-controller", "rpcauth"}

// Helper is how the program rpcauth, of the operator's own image, comes into the pods of a network with a Secret, to turn the
// Secret into an rpcauth line. bitcoind itself could only be given the password in its arguments, which anybody on the machine
// can read, and the node image need not have a shell. The kubelet hands the Secret over, so the operator needs no right to read
// it.
type Helper struct {
	// Image is the operator's.
	Image string
	// Whole for an image of an earlier release, whose one program is the operator as a whole.
	Whole bool
	// Volume mounts the image in bitcoind's container, where the program does its work and then becomes bitcoind; it needs
	// Kubernetes 1.36. Without it the program runs as init container, whose end the kubelet takes seconds to notice.
	Volume bool
}

// HelperOf is the helper that a StatefulSet was built with, false for one without.
func HelperOf(set *appsv1.StatefulSet) (Helper, bool) {
	spec := set.Spec.Template.Spec
	for _, volume := range spec.Volumes {
		if volume.Name == helperVolume && volume.Image != nil && len(spec.Containers) > 0 {
			command := spec.Containers[0].Command
			return Helper{Image: volume.Image.Reference, Volume: true, Whole: len(command) > 0 && command[0] == helperDir+wholeOperator[0]}, true
		}
	}
	for _, container := range spec.InitContainers {
		if container.Name == InitContainerName {
			return Helper{Image: container.Image, Whole: len(container.Command) == 0}, true
		}
	}
	return Helper{}, false
}

// addTo gives a node's pod the Secret and the program that reads it.
func (h Helper) addTo(pod *corev1.PodSpec, secret string) {
	node := &pod.Containers[0]
	command := []string{helperProgram}
	if h.Whole {
		command = slices.Clone(wholeOperator)
	}
	command = append(command, "--output", rpcauth.File)
	output := corev1.VolumeMount{Name: userConfigVolume, MountPath: rpcauth.Dir}
	pod.Volumes = append(pod.Volumes, memoryVolume(userConfigVolume))
	if h.Volume {
		pod.Volumes = append(pod.Volumes, corev1.Volume{Name: helperVolume, VolumeSource: corev1.VolumeSource{
			Image: &corev1.ImageVolumeSource{Reference: h.Image, PullPolicy: corev1.PullIfNotPresent},
		}})
		command[0] = helperDir + command[0]
		node.Command = slices.Concat(command, []string{"--"}, node.Command)
		node.Env = append(node.Env, secretEnv(secret)...)
		node.VolumeMounts = append(node.VolumeMounts, output, corev1.VolumeMount{Name: helperVolume, MountPath: helperDir, ReadOnly: true})
		return
	}
	helper := corev1.Container{
		Name:                     InitContainerName,
		Image:                    h.Image,
		Command:                  command,
		Env:                      secretEnv(secret),
		SecurityContext:          restricted(),
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		Resources: corev1.ResourceRequirements{
			Requests: quantities("10m", "16Mi"), Limits: quantities("1", "64Mi"),
		},
		VolumeMounts: []corev1.VolumeMount{output},
	}
	if h.Whole {
		// The program is the image's entrypoint.
		helper.Command, helper.Args = nil, command[1:]
	}
	pod.InitContainers = []corev1.Container{helper}
	output.ReadOnly = true
	node.VolumeMounts = append(node.VolumeMounts, output)
}

func secretEnv(secret string) []corev1.EnvVar {
	env := func(key string) corev1.EnvVar {
		return corev1.EnvVar{Name: key, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key,
		}}}
	}
	return []corev1.EnvVar{env(rpcauth.UserKey), env(rpcauth.PasswordKey)}
}
