// Command docs writes the references of the command lines, in Markdown, below the directory it is given.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	operator "github.com/christianb93/bitcoin-controller/internal/operator/cli"
	plugin "github.com/christianb93/bitcoin-controller/internal/plugin/cli"
	promoter "github.com/christianb93/bitcoin-controller/internal/promoter/cli"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func write(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: docs DIRECTORY")
	}
	// Defaults that come from the environment of whoever runs this do not belong in the reference.
	if err := os.Unsetenv("POD_NAMESPACE"); err != nil {
		return err
	}
	if err := os.Setenv("KUBECACHEDIR", "$HOME/.kube/cache"); err != nil {
		return err
	}
	for _, command := range []*cobra.Command{operator.Command(), promoter.Command(), plugin.Command(genericiooptions.IOStreams{})} {
		dir := filepath.Join(args[0], command.Name())
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		command.DisableAutoGenTag = true
		if err := doc.GenMarkdownTree(command, dir); err != nil {
			return err
		}
	}
	return nil
}
