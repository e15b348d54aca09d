package controller

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/christianb93/bitcoin-controller/internal/operator/eventlog"
	"github.com/christianb93/bitcoin-controller/internal/operator/phrase"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// transitions returns what has changed since the previous status.
func transitions(before v1.LightningNetworkStatus, network *v1.LightningNetwork) (list []eventlog.Event) {
	status := network.Status
	normal := func(reason, action, format string, args ...any) {
		list = append(list, eventlog.Event{Type: corev1.EventTypeNormal, Reason: reason, Action: action, Note: fmt.Sprintf(format, args...)})
	}
	switch {
	case status.ObservedGeneration <= 0: // the first pass has failed
	case before.ObservedGeneration <= 0: // -1 is the default of the definition
		normal(v1.LightningEventCreated, "Create", "Lightning network of %d nodes created", len(status.Nodes))
	case len(before.Nodes) != len(status.Nodes):
		normal(v1.LightningEventScaled, "Scale", "scaled from %d to %d nodes", len(before.Nodes), len(status.Nodes))
	}
	list = append(list, nodeTransitions(before.Nodes, status.Nodes)...)
	list = append(list, channelTransitions(before, status)...)
	if meta.IsStatusConditionTrue(status.Conditions, v1.LightningConditionChannelsActive) && status.DesiredChannels > 0 &&
		!meta.IsStatusConditionTrue(before.Conditions, v1.LightningConditionChannelsActive) {
		normal(v1.LightningEventChannelsActive, "Open", "all %d channels are active at both ends", status.DesiredChannels)
	}
	list = append(list, eventlog.Stalled(before.Conditions, status.Conditions, v1.LightningConditionStalled)...)
	return append(list, eventlog.Failed(before.Conditions, status.Conditions, v1.LightningConditionNodesReady, v1.LightningReasonReconcileFailed)...)
}

// nodeTransitions are the nodes that became ready and those that were lost, in one event each.
func nodeTransitions(before, now []v1.LightningNodeStatus) (list []eventlog.Event) {
	var ready, lost []string
	for i := range now {
		var old v1.LightningNodeStatus
		if i < len(before) {
			old = before[i]
		}
		if old.PubKey != "" && now[i].PubKey != old.PubKey {
			list = append(list, eventlog.Event{
				Type: corev1.EventTypeWarning, Reason: v1.LightningEventIdentityLost, Action: "Watch", Pod: now[i].PodName,
				Note: fmt.Sprintf("node %s has the key %s instead of %s, since its wallet was lost: its channels are opened again", now[i].PodName, now[i].PubKey, old.PubKey),
			})
		}
		switch {
		case now[i].Ready && !old.Ready:
			ready = append(ready, now[i].PodName)
		case !now[i].Ready && old.Ready:
			lost = append(lost, now[i].PodName)
		}
	}
	if len(lost) > 0 {
		list = append(list, eventlog.Event{
			Type: corev1.EventTypeWarning, Reason: v1.LightningEventNodeLost, Action: "Watch", Pod: lost[0], Note: "nodes are no longer ready: " + strings.Join(lost, ", "),
		})
	}
	if len(ready) > 0 {
		list = append(list, eventlog.Event{
			Type: corev1.EventTypeNormal, Reason: v1.LightningEventNodeReady, Action: "Watch", Pod: ready[0], Note: "nodes are ready, and their LND is active: " + strings.Join(ready, ", "),
		})
	}
	return list
}

// wasOpen are the states of a desired channel that exists. A node that does not answer for a moment has inactive ones. One that is stale is
// closed by force by the operator, which has an event of its own.
var wasOpen = []v1.LightningChannelState{v1.LightningChannelActive, v1.LightningChannelInactive, v1.LightningChannelPending}

// channelTransitions are the desired channels that were open and do not exist any more. One that is desired with another capacity is
// not lost, but replaced.
func channelTransitions(before, now v1.LightningNetworkStatus) []eventlog.Event {
	type desired struct {
		from, to, index int32
		capacity        int64
		private         bool
	}
	entry := func(c *v1.LightningChannelStatus) desired {
		return desired{c.From, c.To, c.Index, c.Capacity, c.Private}
	}
	missing, serves := map[desired]bool{}, map[string]bool{}
	for i := range now.Channels {
		switch c := &now.Channels[i]; c.State {
		case v1.LightningChannelMissing:
			missing[entry(c)] = true
		case v1.LightningChannelClosing, v1.LightningChannelForceClosing:
		default:
			serves[c.Point] = true
		}
	}
	var lost []string
	for i := range before.Channels {
		if c := &before.Channels[i]; slices.Contains(wasOpen, c.State) && missing[entry(c)] && !serves[c.Point] {
			lost = append(lost, fmt.Sprintf("%d–%d (%s)", c.From, c.To, c.Point))
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return []eventlog.Event{{
		Type: corev1.EventTypeWarning, Reason: v1.LightningEventChannelLost, Action: "Open", Note: "channels that were open do not exist any more, and are opened again: " + phrase.JoinSome(lost),
	}}
}

// statusFailure is the event for a status that cannot be written: nothing else reports it.
func statusFailure(err error) eventlog.Event {
	return eventlog.Event{
		Type: corev1.EventTypeWarning, Reason: v1.LightningReasonReconcileFailed, Action: "Report", Note: "the status cannot be written: " + phrase.OfFailure(err),
	}
}
