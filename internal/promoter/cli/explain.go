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
	s := step.Selection{Candidates: true}
	c := &cobra.Command{
		Use: "explain", Args: cobra.NoArgs,
		Short: "Print each step that CI would run for this commit, with its inputs, without running it",
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := a.project(c.Context())
			if err != nil {
				return err
			}
			charts, err := p.Select(c.Context(), s)
			if err != nil {
				return err
			}
			steps := []step.Explained{}
			for _, chart := range charts {
				list, err := step.Explain(c.Context(), chart)
				if err != nil {
					return err
				}
				steps = append(steps, list...)
			}
			a.report.close()
			if len(charts) == 0 {
				a.nothingChanged()
			}
			if a.output == "json" {
				return a.result(steps)
			}
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
	chartFlags(c, &s, "those that are changed")
	sinceFlag(c, &s)
	return c
}
