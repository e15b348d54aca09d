package plan

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/topology"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Channel is a desired channel. From opens and pays for it; Index is its number among those from this node to that one.
type Channel struct {
	From, To, Index int
	// Capacity and Push are satoshis.
	Capacity, Push int64
	Private        bool
}

func (c Channel) String() string { return name(c.From, c.To, c.Index) }

// name of a channel for people: "0–1", and "0–1 #1" for the second one between two nodes.
func name(from, to, index int) string {
	if index == 0 {
		return fmt.Sprintf("%d–%d", from, to)
	}
	return fmt.Sprintf("%d–%d #%d", from, to, index)
}

// Desired are the channels of a specification.
func Desired(spec *v1.LightningNetworkSpec) []Channel {
	var channels []Channel
	used := map[[2]int]int{}
	add := func(c Channel) {
		if nodes := int(spec.Nodes); c.From >= nodes || c.To >= nodes || c.From == c.To {
			return
		}
		pair := [2]int{c.From, c.To}
		c.Index = used[pair]
		used[pair]++
		channels = append(channels, c)
	}
	for _, c := range spec.Channels {
		for range max(c.Count, 1) {
			add(Channel{From: int(c.From), To: int(c.To), Capacity: c.Capacity, Push: c.Push, Private: c.Private})
		}
	}
	if t := spec.Topology; t != nil {
		for _, e := range topology.Desired(shapeOf(t, int(spec.Nodes))) {
			add(Channel{From: e.A, To: e.B, Capacity: t.Capacity, Push: t.Push})
		}
	}
	return channels
}

func shapeOf(t *v1.LightningTopology, nodes int) topology.Spec {
	shape := topology.Spec{Type: v1.TopologyType(t.Type), Nodes: nodes, Degree: v1.DefaultDegree, Seed: v1.DefaultSeed}
	if t.Degree != nil {
		shape.Degree = int(*t.Degree)
	}
	if t.Seed != nil {
		shape.Seed = *t.Seed
	}
	return shape
}

// memo is the text by which LND identifies a channel for the operator. Nothing else has to be stored to open no channel twice. Attempt is
// 0 for the first channel, and larger for one that replaces another which LND still has while it is being closed.
type memo struct {
	from, to, index, attempt int
}

func (m memo) text(uid string) string {
	text := fmt.Sprintf("%s/%d-%d-%d", uid, m.from, m.to, m.index)
	if m.attempt > 0 {
		text += fmt.Sprintf("~%d", m.attempt)
	}
	return text
}

// uidForm is that of the UIDs of all objects.
var uidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// parseMemo reads a memo of the network with this UID, or of one before it: a network that is created again with the claims of an
// earlier one, or with those of a backup, has its wallets and channels. It is false for all others, which are those of people.
func parseMemo(uid, text string) (m memo, ok bool) {
	prefix, rest, found := strings.Cut(text, "/")
	if !found || prefix != uid && !uidForm.MatchString(prefix) {
		return memo{}, false
	}
	if _, err := fmt.Sscanf(rest, "%d-%d-%d~%d", &m.from, &m.to, &m.index, &m.attempt); err != nil {
		m.attempt = 0
	}
	return m, m.text(prefix) == text
}
