package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Args: cobra.NoArgs,
		Short: "Check whether this machine can run the pipeline and reach its repositories",
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := a.project(c.Context())
			if err != nil {
				return err
			}
			findings := step.Doctor(c.Context(), p)
			var rows [][]string
			missing := 0
			for _, f := range findings {
				state := "ok"
				if f.Problem != "" {
					state = "MISSING"
					missing++
				}
				rows = append(rows, []string{state, f.What, f.For, f.Detail + f.Problem})
			}
			if err := a.table(findings, []string{"STATE", "WHAT", "FOR", "DETAIL"}, rows); err != nil {
				return err
			}
			if missing > 0 {
				return fmt.Errorf("%w: %d of %d checks found a problem", step.ErrMissing, missing, len(findings))
			}
			return nil
		},
	}
}
