package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/archive"
	"github.com/christianb93/bitcoin-controller/internal/plugin/chain"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	"github.com/christianb93/bitcoin-controller/internal/plugin/place"
	"github.com/christianb93/bitcoin-controller/internal/plugin/snapshot"
)

func snapshotCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use:   "snapshot",
		Short: "Keep chain and wallets of a network as one file",
		Args:  noSuchCommand,
		RunE:  func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(snapshotSaveCommand(s), snapshotInspectCommand(s))
	return command
}

const snapshotExample = `  kubectl btcnet snapshot save my-network my-network.snapshot
  kubectl btcnet create copy --from my-network.snapshot --digest sha256:…

  # A registry, with the credentials of docker login
  kubectl btcnet snapshot save my-network oci://registry.example.com/chains:thousand
  kubectl btcnet create copy --from oci://registry.example.com/chains@sha256:…`

func snapshotSaveCommand(s *session) *cobra.Command {
	r := &result{}
	command := &cobra.Command{
		Use:   "save NAME[/NODE] FILE|oci://HOST/REPOSITORY:TAG",
		Short: "Save chain and wallets of a network",
		Long: "Save the chain of a node, by default the highest one that is ready, and the descriptor wallets of all nodes with their keys, labels and locked\n" +
			"coins. A file is replaced, completely or not at all, and can be read by its owner only (on Windows by all who may read its directory),\n" +
			"because it has private keys. The command prints what is not kept, such as transactions that are in no block, and the digest of the file.",
		Example:           snapshotExample,
		Args:              arguments(2, 2),
		ValidArgsFunction: s.completeFirst(true),
		RunE: func(command *cobra.Command, args []string) error {
			return s.saveSnapshot(command.Context(), args[0], args[1], r)
		},
	}
	r.addFlag(command)
	return command
}

// saved is the result of snapshot save.
type saved struct {
	Place  string `json:"place"`
	Bytes  int    `json:"bytes"`
	Digest string `json:"digest"`
	archive.Manifest
}

func (s *session) saveSnapshot(ctx context.Context, name, to string, r *result) error {
	if err := r.validate(); err != nil {
		return err
	}
	target, err := place.Parse(to)
	if err != nil {
		return err
	}
	if target.Digest() != "" {
		return invalid.Errorf("%s has a digest, which follows from the content: write oci://HOST/REPOSITORY:TAG", to)
	}
	t, err := s.target(ctx, name)
	if err != nil {
		return err
	}
	node := t.node
	if ref, err := noderef.Parse(name); err == nil && !ref.Names() {
		if node, err = t.highest(); err != nil {
			return err
		}
	}
	data, m, err := snapshot.Save(ctx, t.Client, t.network, node)
	if err != nil {
		return err
	}
	where, err := target.Store(ctx, data)
	if err != nil {
		return err
	}
	for _, note := range m.NotKept {
		s.note("Not kept: %s.", note)
	}
	out := saved{where, len(data), archive.Digest(data), m}
	return r.print(s, out, fmt.Sprintf("saved %s at height %d, best block %s, with %d wallets and their private keys, to %s: %d bytes, %s",
		t.network.Name, m.Height, m.BestBlock, len(m.Wallets), where, len(data), out.Digest))
}

// highest is the ready node with the highest chain.
func (t *target) highest() (noderef.Node, error) {
	ready := chain.Ready(t.network)
	if len(ready) == 0 {
		return noderef.Node{}, fmt.Errorf("no node of %s is ready: kubectl btcnet tree %s shows them", t.network.Name, t.network.Name)
	}
	best, height := ready[0], int64(-1)
	for _, status := range t.network.Status.Nodes {
		for _, node := range ready {
			if int(status.Ordinal) == node.Ordinal && status.Blocks > height {
				best, height = node, status.Blocks
			}
		}
	}
	return best, nil
}

func snapshotInspectCommand(s *session) *cobra.Command {
	var digest string
	command := &cobra.Command{
		Use:   "inspect FILE|oci://HOST/REPOSITORY:TAG",
		Short: "Check a snapshot, and print its manifest",
		Long:  "Check a snapshot as create --from does, and print its manifest as JSON, which has no keys. No cluster is needed.",
		Args:  arguments(1, 1),
		RunE: func(command *cobra.Command, args []string) error {
			a, err := readSnapshot(command.Context(), args[0], digest)
			if err != nil {
				return err
			}
			return (&result{"json"}).print(s, struct {
				Digest string `json:"digest"`
				archive.Manifest
			}{a.Digest, a.Manifest}, "")
		},
	}
	command.Flags().StringVar(&digest, "digest", "", "Digest that the snapshot must have.")
	return command
}

// readSnapshot reads and checks a snapshot.
func readSnapshot(ctx context.Context, from, digest string) (*archive.Archive, error) {
	source, err := place.Parse(from)
	if err != nil {
		return nil, err
	}
	if digest != "" && !isDigest(digest) {
		return nil, invalid.Errorf("--digest %q is none: write it as snapshot save printed it, sha256: and 64 digits", digest)
	}
	data, err := source.Load(ctx, archive.MaxSize)
	if err != nil {
		return nil, err
	}
	if got := archive.Digest(data); digest != "" && got != digest {
		return nil, fmt.Errorf("%s has the digest %s, and not %s: it is another snapshot, or was changed; nothing was created", from, got, digest)
	}
	a, err := archive.Read(data)
	if err != nil {
		return nil, fmt.Errorf("%s is no snapshot that can be used: %w; nothing was created", from, err)
	}
	return a, nil
}

func isDigest(text string) bool {
	digits, ok := strings.CutPrefix(text, "sha256:")
	return ok && len(digits) == 64 && strings.Trim(digits, "0123456789abcdef") == ""
}
