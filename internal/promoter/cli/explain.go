package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain", Args: cobra.NoArgs,
		Short: "Print each step that CI would run for this commit, with its inputs, without running it",
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := a.project(c.Context())
			if err != nil {
				return err
			}
			steps, err := step.Explain(c.Context(), p)
			if err != nil {
				return err
			}
			if a.output == "json" {
				return a.result(steps)
			}
			a.report.close()
			for i, e := range steps {
				fmt.Fprintf(a.Out, "%d. %s: %s\n   %s\n", i+1, e.Stage, e.Does, strings.Join(e.Command, " "))
				for _, k := range slices.Sorted(maps.Keys(e.Inputs)) {
					fmt.Fprintf(a.Out, "     %s: %s\n", k, e.Inputs[k])
				}
				if e.Skipped != "" {
					fmt.Fprintf(a.Out, "     skipped: %s\n", e.Skipped)
				}
			}
			return nil
		},
	}
}
