package step

import (
	"context"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/helm"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testrun"
)

// further installs the candidate with each further set of values, one after the other, as chart-testing does, and adds the results of
// the chart's own tests to those of the first.
func (t trial) further(ctx context.Context, major helm.Major, result *testrun.Report) error {
	for _, s := range t.c.Further() {
		if err := t.env.StartOver(ctx, major); err != nil {
			return err
		}
		release := t.release
		release.Values = s.Values
		client := t.env.Helm(major)
		if _, err := client.Apply(ctx, t.c.Package.Bytes, release); err != nil {
			return fmt.Errorf("with the values of %s: %w", s.Name, err)
		}
		t.line("%s: installed %s %s with the values of %s; it is ready", major, t.c.Package.Name, t.c.Package.Version, s.Name)
		tests, err := t.tests().Helm(ctx, client, release)
		result.Add(s.Name, tests)
		if err != nil {
			return fmt.Errorf("with the values of %s: %w", s.Name, err)
		}
	}
	return nil
}
