package noderef

import (
	"fmt"
	"strconv"
	"strings"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Place is where a node runs. Its name for people is that of its pod, and POD/SLOT when the pod has several nodes.
type Place struct {
	Pod string
	// Slot is the number of the node in its pod, and Packed whether the pod has several.
	Slot   int32
	Packed bool
}

// At is the place with a name.
func At(name string) Place {
	pod, text, packed := strings.Cut(name, "/")
	slot, err := strconv.ParseInt(text, 10, 32)
	if !packed || err != nil {
		return Place{Pod: name}
	}
	return Place{Pod: pod, Slot: int32(slot), Packed: true}
}

func (p Place) String() string {
	if !p.Packed {
		return p.Pod
	}
	return fmt.Sprintf("%s/%d", p.Pod, p.Slot)
}

// Configuration is the file in the pod with which bitcoin-cli reaches the node.
func (p Place) Configuration() string {
	if !p.Packed {
		return "/bitcoin.conf"
	}
	return fmt.Sprintf("/nodes/%d/bitcoin.conf", p.Slot)
}

// Port is a port of the node in its pod, by that of a node alone in its pod, such as v1.RPCPort.
func (p Place) Port(port int32) int32 { return v1.PortInSlot(port, p.Slot) }

// LinePrefix begins each line of the node in the log of its pod, "" for all lines.
func (p Place) LinePrefix() string {
	if !p.Packed {
		return ""
	}
	return fmt.Sprintf("[%d] ", p.Slot)
}
