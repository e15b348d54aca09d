package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/forward"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/recipes"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func connectCommand(s *session) *cobra.Command {
	first := 20000
	command := &cobra.Command{
		Use:   "connect NAME[/NODE]",
		Short: "Give the nodes RPC, P2P and ZMQ ports on this machine, until Ctrl-C",
		Long: "Forward the ports of all nodes of a network, or of one node, to 127.0.0.1, and print lines for bitcoin-cli, LND, BDK and electrs. Node 0 has the\n" +
			"ports from --first-port on, node 1 those ten higher, and so on; a port that is taken is replaced by a free one. The ports are open until Ctrl-C.\n\n" +
			"RPC from outside needs the name and password of spec.secret, which this command does not read: the lines use the environment variables\n" +
			"BC_RPC_USER and BC_RPC_PASSWORD.",
		Example:           "  kubectl btcnet connect my-network\n  kubectl btcnet connect my-network/2 --first-port 18000",
		Args:              arguments(1, 1),
		ValidArgsFunction: s.completeFirst(true),
		RunE:              func(command *cobra.Command, args []string) error { return s.forward(command.Context(), args[0], first) },
	}
	command.Flags().IntVar(&first, "first-port", first, "First local port of node 0.")
	return command
}

// portsOfNode is how far the ports of two nodes are apart.
const portsOfNode = 10

const maxPort = 65535

func (s *session) forward(ctx context.Context, name string, first int) error {
	if err := validPort(first); err != nil {
		return err
	}
	t, err := s.target(ctx, name)
	if err != nil {
		return err
	}
	nodes := noderef.Nodes(t.network)
	if ref, err := noderef.Parse(name); err == nil && ref.Names() {
		nodes = []noderef.Node{t.node}
	}
	// A missing right is better known now than at the first connection.
	probe, err := t.Dial(ctx, t.node.Pod, v1.P2PPort)
	if err != nil {
		return err
	}
	if err := probe.Close(); err != nil {
		return err
	}
	f := forward.New(ctx, t.Dial, func(_ forward.Port, err error) { s.note("%s", err.Error()) })
	defer f.Close()
	var lines string
	for _, node := range nodes {
		addresses, err := s.listen(f, node, recipes.Ports(t.network), first)
		if err != nil {
			return err
		}
		if node == t.node {
			lines = recipes.Lines(t.network, addresses)
		}
	}
	if _, err := fmt.Fprint(s.streams.Out, lines); err != nil {
		return err
	}
	s.note("The ports are open until Ctrl-C.")
	<-ctx.Done()
	return nil
}

func validPort(first int) error {
	if first < 1024 || first > 60000 {
		return invalid.Errorf("--first-port %d is not from 1024 to 60000: choose another one", first)
	}
	return nil
}

// listen opens and prints the ports of a node.
func (s *session) listen(f *forward.Forwarder, node noderef.Node, ports []forward.Port, first int) (map[string]string, error) {
	addresses := map[string]string{}
	var list []string
	for i, port := range ports {
		port.Pod, port.Local = node.Pod, first+portsOfNode*node.Ordinal+i
		if port.Local > maxPort {
			port.Local = 0
		}
		address, err := f.Listen(port)
		if err != nil {
			return nil, err
		}
		addresses[port.Name] = address
		list = append(list, port.Name+" "+address)
	}
	_, err := fmt.Fprintf(s.streams.Out, "%s  %s\n", node.Pod, strings.Join(list, "  "))
	return addresses, err
}
