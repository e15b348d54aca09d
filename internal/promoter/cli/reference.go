package cli

import (
	"io"

	"github.com/spf13/cobra"
)

// Command returns the command tree for the reference documentation. It reads nothing of the environment; Main runs it.
func Command() *cobra.Command {
	a := &app{Streams: Streams{Out: io.Discard, Err: io.Discard}, env: func(string) string { return "" }, report: newReporter(io.Discard)}
	return a.root()
}
