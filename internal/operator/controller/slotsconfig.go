package controller

import (
	"fmt"
	"maps"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/christianb93/bitcoin-controller/internal/operator/apply"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// How many nodes the pods of a group with several nodes a pod run is in a ConfigMap of its own, outside of the pod template. It is lowered
// when the removed nodes may go, like the replicas of a StatefulSet.

// readTarget reads the number of nodes from the ConfigMap of a group; false when it does not exist or is not readable.
func readTarget(config client.Object) (target api.Target, ok bool) {
	slots, isConfig := config.(*corev1.ConfigMap)
	if !isConfig {
		return api.Target{}, false
	}
	nodes, err := strconv.Atoi(slots.Data[api.NodesKey])
	if err != nil {
		return api.Target{}, false
	}
	revision, err := strconv.ParseInt(slots.Data[api.RevisionKey], 10, 64)
	return api.Target{Nodes: nodes, Revision: revision}, err == nil
}

// nodesOfSets are the numbers of nodes that the existing StatefulSets have.
func (p *applyPass) nodesOfSets() map[string]int {
	desired := map[string]int{}
	for _, group := range p.groups {
		desired[group.StatefulSet] = group.Nodes
	}
	has := make(map[string]int, len(p.sets))
	for name, set := range p.sets {
		group := resources.Group{StatefulSet: name, PerPod: p.groups[0].PerPod}
		pods := int(ptr.Deref(set.Spec.Replicas, 1))
		if !group.Packed() {
			has[name] = pods
			continue
		}
		nodes := desired[name]
		if target, ok := readTarget(p.existing["ConfigMap "+group.SlotsConfigMap()]); ok {
			nodes = target.Nodes
		}
		has[name] = min(nodes, pods*group.PerPod)
	}
	return has
}

// setAllSlots is setSlots for all groups.
func (p *applyPass) setAllSlots(objects []client.Object) {
	groups := map[string]resources.Group{}
	for _, group := range p.groups {
		if group.Packed() {
			groups[group.SlotsConfigMap()] = group
		}
	}
	for _, object := range objects {
		if config, isConfig := object.(*corev1.ConfigMap); isConfig {
			if group, found := groups[config.Name]; found {
				p.setSlots(config, group)
			}
		}
	}
}

// setSlots sets the number of nodes in the desired ConfigMap of a group, and what its pods get. Removed nodes stay until they
// may go; and the number stays until the pod that loses some of its nodes is known to delete their data, if that is to be deleted: a pod that
// starts again in between would not know.
func (p *applyPass) setSlots(desired *corev1.ConfigMap, group resources.Group) {
	want, ok := readTarget(desired)
	if !ok {
		return
	}
	have, exists := readTarget(p.existing[apply.KeyOf(desired)])
	p.targets[group.StatefulSet] = want
	p.setKept(desired, have.Nodes, want.Nodes)
	if !exists || want.Nodes >= have.Nodes {
		return
	}
	if p.state.scaleDown.waits() {
		desired.Data = maps.Clone(p.existing[apply.KeyOf(desired)].(*corev1.ConfigMap).Data)
		p.targets[group.StatefulSet] = have
		return
	}
	if group.SlotOf(group.Nodes) > 0 && p.forgets() {
		want.Forget, want.Before = true, have.Nodes
	}
	p.targets[group.StatefulSet] = want
	if want.Forget && !p.state.shared.hasAccepted(p.podOf(group), want) {
		desired.Data = maps.Clone(p.existing[apply.KeyOf(desired)].(*corev1.ConfigMap).Data)
		p.slotsWait = fmt.Sprintf("waiting until Pod %s accepts to delete the data of its removed nodes", group.PodName(group.Nodes))
	}
}

// setKept sets up to which node the pods of a group may have the data of removed nodes, whose blocks nobody has compared with those of the
// others. A later comparison is not about it. Once all of these nodes have been requested again, they are compared themselves.
func (p *applyPass) setKept(desired *corev1.ConfigMap, have, want int) {
	kept := readKept(p.existing[apply.KeyOf(desired)])
	if want < have && (want == 0 || !p.forgets()) {
		kept = max(kept, have)
	}
	if kept > want {
		desired.Data[api.KeptKey] = strconv.Itoa(kept)
	}
}

// readKept reads up to which node the pods of a group may have data that is to be kept, from its ConfigMap; 0 for none.
func readKept(config client.Object) int {
	slots, isConfig := config.(*corev1.ConfigMap)
	if !isConfig {
		return 0
	}
	kept, err := strconv.Atoi(slots.Data[api.KeptKey])
	if err != nil {
		return 0
	}
	return kept
}

// keepsData reports whether the pods of a StatefulSet may have the data of nodes that were removed earlier and is to be kept.
func (p *applyPass) keepsData(set *appsv1.StatefulSet) bool {
	group := resources.Group{StatefulSet: set.Name, PerPod: p.groups[0].PerPod}
	config := p.existing["ConfigMap "+group.SlotsConfigMap()]
	have, exists := readTarget(config)
	return group.Packed() && exists && readKept(config) > have.Nodes && have.Nodes < int(ptr.Deref(set.Spec.Replicas, 1))*group.PerPod
}

// hasSlotsOfSet reports whether an object has the number of nodes of a StatefulSet that exists: what its claims keep is in it.
func (p *applyPass) hasSlotsOfSet(object client.Object) bool {
	if _, isConfig := object.(*corev1.ConfigMap); !isConfig {
		return false
	}
	for name := range p.sets {
		if group := (resources.Group{StatefulSet: name, PerPod: p.groups[0].PerPod}); group.Packed() && group.SlotsConfigMap() == object.GetName() {
			return true
		}
	}
	return false
}

// allowedTargets are those targets of an earlier pass that the scale-down allows now: it may have started again since.
func (p *applyPass) allowedTargets(earlier map[string]api.Target) map[string]api.Target {
	targets, has := maps.Clone(earlier), p.nodesOfSets()
	maps.DeleteFunc(targets, func(set string, target api.Target) bool {
		return target.Forget && !p.forgets() || p.state.scaleDown.waits() && target.Nodes < has[set]
	})
	return targets
}

// forgets reports whether the data of removed nodes is deleted in a pod that stays: where their claims would be, and where there are none.
func (p *applyPass) forgets() bool {
	storage := p.network.Spec.Storage
	return p.state.scaleDown.deletesClaims() && (storage == nil || storage.RetentionPolicy == v1.RetentionDelete)
}

// podOf is the pod of a group that loses some of its nodes and not all; nil when it does not exist.
func (p *applyPass) podOf(group resources.Group) *corev1.Pod {
	for i := range p.pods {
		if pod := &p.pods[i]; pod.Name == group.PodName(group.Nodes) && ownedBySet(pod, p.sets[group.StatefulSet]) {
			return pod
		}
	}
	return nil
}

// slotsChange reports whether the number of nodes in an existing ConfigMap is another one than desired, which changes within one
// generation of the network.
func (p *applyPass) slotsChange(desired *corev1.ConfigMap) bool {
	want, ok := readTarget(desired)
	have, exists := readTarget(p.existing[apply.KeyOf(desired)])
	return ok && exists && want != have
}
