package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/pipeline"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Args: cobra.NoArgs,
		Short: "Say what this machine lacks for the pipeline",
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.session(c.Context())
			if err != nil {
				return err
			}
			findings := pipeline.Doctor(c.Context(), s)
			var rows []string
			missing := 0
			for _, f := range findings {
				state := "ok"
				if f.Problem != "" {
					state = "MISSING"
					missing++
				}
				rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s%s", state, f.What, f.For, f.Detail, f.Problem))
			}
			if err := a.table(findings, "STATE\tWHAT\tFOR\tDETAIL", rows); err != nil {
				return err
			}
			if missing > 0 {
				return fmt.Errorf("%w: %d of %d checks found a problem", pipeline.ErrMissing, missing, len(findings))
			}
			return nil
		},
	}
}
