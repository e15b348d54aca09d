package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

// chartFlags are the flags that select charts of a configuration with several.
func chartFlags(c *cobra.Command, s *step.Selection, otherwise string) {
	c.Flags().StringArrayVar(&s.Names, "chart", nil, "name of a chart, where the configuration has several; can be repeated (default: "+otherwise+")")
	c.Flags().BoolVar(&s.All, "all", false, "all charts of the configuration")
}

func sinceFlag(c *cobra.Command, s *step.Selection) {
	c.Flags().StringVar(&s.Since, "since", "", "branch, tag or commit to compare the charts with, such as origin/main (default: the last release of each)")
}

// one is what a command does for one chart: its result, as JSON and as text.
type one func(*step.Project) (any, []field, error)

// forChanged runs a command that leaves files in the work directory for the selected charts, by default for those that are changed.
func (a *app) forChanged(ctx context.Context, s step.Selection, do one) error {
	return a.forCharts(ctx, func(p *step.Project) ([]*step.Project, error) { return p.Select(ctx, s) }, do)
}

// forCharts runs a command for some charts. Where the configuration has several, the result is a list, and a chart that fails does not
// keep the others from their turn.
func (a *app) forCharts(ctx context.Context, choose func(*step.Project) ([]*step.Project, error), do one) error {
	p, unlock, err := a.locked(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return a.each(ctx, p, choose, do)
}

// each is forCharts for a loaded configuration.
func (a *app) each(ctx context.Context, p *step.Project, choose func(*step.Project) ([]*step.Project, error), do one) error {
	charts, err := choose(p)
	if err != nil {
		return err
	}
	if len(p.Config.Charts) == 0 {
		result, text, err := do(charts[0])
		if err != nil {
			return err
		}
		return a.result(result, text...)
	}
	results, text := []any{}, []field(nil)
	var failed failures
	for _, chart := range charts {
		name := chart.Config.Chart.Name
		result, fields, err := do(chart)
		var skip *step.Skip
		switch {
		case errors.As(err, &skip):
			results, text = append(results, map[string]string{"chart": name, "skipped": skip.Why}), append(text, field{"chart", name}, field{"nothing to do", skip.Why})
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			failed.add(name, err)
		default:
			results, text = append(results, result), append(append(text, field{"chart", name}), fields...)
		}
	}
	if len(charts) == 0 {
		a.nothingChanged()
	}
	return errors.Join(append([]error{a.result(results, text...)}, failed.list()...)...)
}

// failures are the errors of charts. What several charts share, such as a build, fails for all of them with one error.
type failures []failureOf

type failureOf struct {
	charts []string
	err    error
}

func (f *failures) add(chart string, err error) {
	for i := range *f {
		if (*f)[i].err.Error() == err.Error() {
			(*f)[i].charts = append((*f)[i].charts, chart)
			return
		}
	}
	*f = append(*f, failureOf{[]string{chart}, err})
}

func (f failures) list() (errs []error) {
	for _, one := range f {
		word := "chart"
		if len(one.charts) > 1 {
			word = "charts"
		}
		errs = append(errs, fmt.Errorf("%s %s: %w", word, strings.Join(one.charts, ", "), one.err))
	}
	return errs
}

// nothingChanged reports why a command does nothing. It is no result: the lists that other programs read stay empty.
func (a *app) nothingChanged() {
	fmt.Fprintln(a.Err, "chart-promoter: nothing to do: no chart is changed; --all takes all of them")
}

func (a *app) listChangedCommand() *cobra.Command {
	var s step.Selection
	c := &cobra.Command{
		Use: "list-changed", Args: cobra.NoArgs,
		Short: "List the directories of the charts that this commit changes",
		Long: `List the directories of the charts that this commit changes, one per line: those whose files, or the files of a chart
that they depend on, differ from those of their last release. With --output json the list has names and reasons.`,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := a.project(c.Context())
			if err != nil {
				return err
			}
			list, err := p.Reading().Changed(c.Context(), s.Since)
			if err != nil {
				return err
			}
			a.report.close()
			if len(list) == 0 {
				a.nothingChanged()
			}
			if a.output == "json" {
				return a.result(step.ListChanged(list))
			}
			for _, chart := range list {
				fmt.Fprintln(a.Out, printable(chart.Path))
			}
			return nil
		},
	}
	sinceFlag(c, &s)
	return c
}

func (a *app) packageCommand() *cobra.Command {
	var s step.Selection
	c := &cobra.Command{
		Use: "package", Args: cobra.NoArgs,
		Short: "Lint and package the changed charts of this commit, without a cluster and without credentials",
		Long: `Lint, render and package the charts of this commit as their candidates would be, into the work directory. Nothing is pushed and
no cluster is needed, so that the build of a pull request can check its charts. The commands of chart.after run; the fields of images
stay as they are in the chart, unless this commit was built in the same work directory. A chart whose version is that of
Chart.yaml, and that is changed without a higher one, is rejected.`,
		RunE: func(c *cobra.Command, _ []string) error {
			choose := func(p *step.Project) ([]*step.Project, error) { return p.Reading().Select(c.Context(), s) }
			return a.forCharts(c.Context(), choose, func(p *step.Project) (any, []field, error) {
				r, err := step.Package(c.Context(), p, s.Since)
				if err != nil {
					return nil, nil, err
				}
				return r, []field{{"package", r.Package}, {"version", r.Version}, {"sha256", r.PackageDigest}, {"source", r.SourceCommit}}, nil
			})
		},
	}
	chartFlags(c, &s, "those that are changed")
	sinceFlag(c, &s)
	return c
}
