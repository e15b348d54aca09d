//go:build faults

package faults

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// detected is how long a machine is gone until its pods are declared not ready. A cluster takes 40 s, for which a run has no time.
const detected = 2 * time.Second

// machine is one of the three that run the pods and the operators.
type machine struct {
	name string

	mu         sync.Mutex
	down, lost bool
}

func newMachines() []*machine {
	list := make([]*machine, 3)
	for i := range list {
		list[i] = &machine{name: fmt.Sprint("machine-", i)}
	}
	return list
}

func (m *machine) set(down, lost bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down, m.lost = down, lost
}

func (m *machine) isDown() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.down
}

// silent is a machine that is down and may return: what it runs is not known.
func (m *machine) silent() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.down && !m.lost
}

// schedule chooses a machine for a pod; nil when none runs. The caller has locked the kubelet.
func (k *kubelet) schedule(c *container) *machine {
	for i := range k.machines {
		if m := k.machines[(c.number()+i)%len(k.machines)]; !m.isDown() {
			return m
		}
	}
	return nil
}

func (k *kubelet) allMachines() []*machine {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.machines)
}

// on are the containers on a machine.
func (k *kubelet) on(m *machine) (list []*container) {
	for _, c := range k.containers() {
		if c.machine == m {
			list = append(list, c)
		}
	}
	return list
}

// loseMachine lets a machine lose power. It returns after a while, with the volumes of its pods, or never.
func (r *run) loseMachine(ctx context.Context, f fault) {
	number := f.target % 3
	m := r.kubelet.allMachines()[number]
	for _, other := range r.kubelet.allMachines() {
		if other.isDown() {
			r.note("machine: left out, since %s is down", other.name)
			return
		}
	}
	if !r.replaceable(ctx, func(n node) bool { return n.machine == m }) {
		r.note("machine: left out, since the others do not have the blocks on %s yet", m.name)
		return
	}
	forever := f.amount%3 == 0
	// No pod comes to it any more, so that these are all.
	m.set(true, false)
	held := r.kubelet.on(m)
	r.note("%s with %d pods loses power (for ever: %t) for %s", m.name, len(held), forever, f.lasts.Round(100*time.Millisecond))
	for _, c := range held {
		r.disturb(f.lasts, c.nodes(mostNodes)...)
		// Nobody gets an answer, not even that a connection is closed.
		c.unplugged.Store(true)
		if err := c.unplug(); err != nil && slices.Contains(r.kubelet.on(m), c) {
			r.fail("%s: %v", m.name, err)
		}
		c.signalAll(syscall.SIGKILL)
	}
	if number < len(r.operators) {
		r.stopped(r.operators[number])
		r.operators[number].kill(f.lasts)
	}
	r.pending.Go(func() {
		if sleep(ctx, min(detected, f.lasts)) {
			r.kubelet.declareNotReady(ctx, m)
		}
		r.keep(ctx, f.lasts-detected)
		if forever {
			r.kubelet.replaceMachine(ctx, number)
		} else {
			m.set(false, false)
		}
		r.note("%s: its place runs again", m.name)
	})
}

// declareNotReady does to the pods of a machine what the controller of cluster nodes does.
func (k *kubelet) declareNotReady(ctx context.Context, m *machine) {
	pods := k.clients.CoreV1().Pods(k.namespace)
	for _, c := range k.on(m) {
		pod, err := pods.Get(ctx, c.pod.Name, metav1.GetOptions{})
		if err != nil || pod.UID != c.pod.UID {
			continue
		}
		for i := range pod.Status.Conditions {
			if condition := &pod.Status.Conditions[i]; condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				condition.Status, condition.LastTransitionTime = corev1.ConditionFalse, metav1.Now()
			}
		}
		if _, err := pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{}); err != nil && ctx.Err() == nil {
			k.log("pod %s: declare not ready: %v", c.pod.Name, err)
		}
	}
}

// replaceMachine deletes a machine that is down and with it its pods, as an administrator and the collector of pods do, and has another
// one in its place.
func (k *kubelet) replaceMachine(ctx context.Context, number int) {
	m := k.allMachines()[number]
	m.set(true, true)
	for _, c := range k.on(m) {
		err := k.clients.CoreV1().Pods(k.namespace).Delete(ctx, c.pod.Name, metav1.DeleteOptions{
			GracePeriodSeconds: ptr.To(int64(0)), Preconditions: metav1.NewUIDPreconditions(string(c.pod.UID)),
		})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) && ctx.Err() == nil {
			k.log("pod %s: %v", c.pod.Name, err)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.machines[number] = &machine{name: m.name + "-new"}
}

// boot waits for the machine of a container that has ended, and gives the pod another address, which it gets by each boot.
func (k *kubelet) boot(ctx context.Context, c *container) *container {
	for c.machine.isDown() {
		if !sleep(ctx, 100*time.Millisecond) {
			return c
		}
	}
	w, err := newWire()
	if err == nil {
		err = c.forget()
	}
	if err != nil {
		k.log("pod %s: %v", c.pod.Name, err)
		sleep(ctx, time.Second)
		return c
	}
	c.remove()
	booted := &container{wire: w, perPod: c.perPod, pod: c.pod, root: c.root, machine: c.machine, clients: c.clients, faults: c.faults}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pods[c.pod.UID] = booted
	return booted
}
