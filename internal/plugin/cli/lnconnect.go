package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/forward"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/lnd"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/recipes"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

type lnConnect struct {
	*session
	first    int
	dir      string
	readOnly bool
}

func lnConnectCommand(s *session) *cobra.Command {
	c := &lnConnect{session: s}
	command := &cobra.Command{
		Use:   "connect NAME[/NODE]",
		Short: "Give the nodes gRPC and REST ports on this machine, until Ctrl-C",
		Long: "Forward the gRPC and REST ports of all nodes of a Lightning network, or of one node, to 127.0.0.1, and print lines for lncli and curl. Node 0\n" +
			"has the ports from --first-port on, node 1 those ten higher, and so on; a port that is taken is replaced by a free one. The ports are open\n" +
			"until Ctrl-C.\n\n" +
			"With --credentials, the certificate of each node and a macaroon of your own are written to files in this directory that only you can read,\n" +
			"POD.cert and POD.macaroon. A macaroon may do all that lncli may in the pod, or only read with --read-only, also after the end of the command:\n" +
			fmt.Sprintf("kubectl btcnet ln cli NODE deletemacaroonid %d makes all that this command wrote worthless.", lnd.RootKey),
		Example:           "  kubectl btcnet ln connect my-lightning/0 --credentials ~/my-lightning",
		Args:              arguments(1, 1),
		ValidArgsFunction: s.completeLightning(true),
		RunE:              func(command *cobra.Command, args []string) error { return c.run(command.Context(), args[0]) },
	}
	flags := command.Flags()
	flags.IntVar(&c.first, "first-port", 21000, "First local port of node 0.")
	flags.StringVar(&c.dir, "credentials", "", "Existing directory for the certificates and macaroons of the nodes.")
	flags.BoolVar(&c.readOnly, "read-only", false, "Macaroons that may only read.")
	return command
}

func (c *lnConnect) validate() error {
	if err := validPort(c.first); err != nil {
		return err
	}
	if c.dir == "" {
		if c.readOnly {
			return invalid.Errorf("--read-only is about macaroons: name a directory for them with --credentials")
		}
		return nil
	}
	if info, err := os.Stat(c.dir); err != nil || !info.IsDir() {
		return invalid.Errorf("--credentials %q is not a directory: create it first, such as with mkdir -m 700", c.dir)
	}
	return nil
}

func (c *lnConnect) run(ctx context.Context, name string) error {
	if err := c.validate(); err != nil {
		return err
	}
	t, err := c.lnTarget(ctx, name)
	if err != nil {
		return err
	}
	nodes := noderef.LightningNodes(t.Network)
	if t.named {
		nodes = []noderef.Node{t.node}
	}
	// A missing right is better known now than at the first connection.
	probe, err := t.Dial(ctx, t.node.Pod, v1.LightningGRPCPort)
	if err != nil {
		return err
	}
	if err := probe.Close(); err != nil {
		return err
	}
	f := forward.New(ctx, t.Dial, func(_ forward.Port, err error) { c.note("%s", err.Error()) })
	defer f.Close()
	var lines strings.Builder
	for _, node := range nodes {
		// Before the ports are printed: whoever reads them finds the files.
		files, err := c.credentials(ctx, t, node)
		if err != nil {
			return err
		}
		addresses, err := c.listen(f, node, recipes.LightningPorts(), c.first)
		if err != nil {
			return err
		}
		if node == t.node {
			lines.WriteString(recipes.LightningLines(addresses, files.Certificate, files.Macaroon))
		}
	}
	if c.dir == "" {
		c.note("The lines need files with the certificate and a macaroon: --credentials DIRECTORY writes them.")
	}
	if _, err := fmt.Fprint(c.streams.Out, lines.String()); err != nil {
		return err
	}
	c.note("The ports are open until Ctrl-C.")
	<-ctx.Done()
	return nil
}

// credentials writes those of a node, or returns the names that they would have.
func (c *lnConnect) credentials(ctx context.Context, t *lnTarget, node noderef.Node) (lnd.Files, error) {
	if c.dir == "" {
		return lnd.Files{Certificate: node.Pod + ".cert", Macaroon: node.Pod + ".macaroon"}, nil
	}
	return t.Credentials(ctx, node, c.dir, c.readOnly)
}
