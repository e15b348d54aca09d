package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/seal"
	"github.com/christianb93/bitcoin-controller/internal/promoter/stages"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testrun"
)

func (a *app) statusCommand() *cobra.Command {
	limit, html := 10, ""
	c := &cobra.Command{
		Use: "status", Args: cobra.NoArgs,
		Short: "Show the versions of each stage, what was tested, and what is missing for the next stage",
		RunE:  func(c *cobra.Command, _ []string) error { return a.status(c.Context(), limit, html) },
	}
	c.Flags().IntVar(&limit, "limit", limit, "maximum number of versions of each stage; 0 means all")
	c.Flags().StringVar(&html, "html", "", "also write the status as a page to this file, or write the page to standard output (-) in place of the table")
	return c
}

func (a *app) status(ctx context.Context, limit int, html string) error {
	if html == "-" && a.output == "json" {
		return fmt.Errorf("%w: standard output can have the page or JSON, not both; set --html to a file, or omit --output", failure.ErrInput)
	}
	p, err := a.project(ctx)
	if err != nil {
		return err
	}
	list, err := p.Stages().Status(ctx, limit)
	if err != nil {
		return err
	}
	if html != "" {
		content, err := stages.StatusPage(p.Config, list)
		if err != nil {
			return err
		}
		if html == "-" {
			a.report.close()
			_, err := a.Out.Write(content)
			return err
		}
		if err := a.writePage(html, content); err != nil {
			return err
		}
	}
	head, several := []string{"STAGE", "VERSION", "SINCE (UTC)", "COMMIT", "TESTS", "VERIFIED BY", "APPROVED BY", "NEXT"}, len(p.Config.Charts) > 0
	if several {
		head = slices.Insert(head, 1, "CHART")
	}
	var rows [][]string
	for _, v := range list {
		row := []string{
			v.Stage, v.Version, v.Since.UTC().Format(time.DateTime), fmt.Sprintf("%.12s", v.Commit), tests(v), verifiedBy(v), strings.Join(v.ApprovedBy, ", "), next(v),
		}
		if several {
			row = slices.Insert(row, 1, v.Chart)
		}
		rows = append(rows, row)
	}
	if list == nil {
		list = []stages.Version{}
	}
	return a.table(list, head, rows)
}

// verifiedBy is the run that tested, or the stages when there are several.
func verifiedBy(v stages.Version) string {
	if len(v.Verifications) > 0 {
		return strings.Join(v.Verifications, ", ")
	}
	return v.VerifiedBy
}

// tests is how many tests passed. An installation alone must not appear as a test.
func tests(v stages.Version) string {
	switch {
	case v.Tests == nil:
		return ""
	case v.TestedBy == testrun.Installation:
		return "installed only"
	}
	return fmt.Sprintf("%d/%d", v.Tests.Passed, v.Tests.Run)
}

// next is in a few words what JSON and the page explain in sentences.
func next(v stages.Version) string {
	var needs []string
	for _, m := range v.Missing {
		needs = append(needs, m.Requires())
	}
	switch {
	case v.Next == "":
		return ""
	case len(needs) == 0:
		return "ready for " + v.Next
	}
	return v.Next + " requires " + strings.Join(needs, ", ")
}

// writePage replaces a page of this program, and nothing else.
func (a *app) writePage(path string, content []byte) error {
	old, err := os.ReadFile(path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", failure.ErrInput, err)
	case err == nil && len(old) > 0 && !seal.Intact(old):
		return fmt.Errorf("%w: %s was not written by chart-promoter, or was edited since; set --html to another name, or remove the file", failure.ErrInput, path)
	}
	if a.dryRun {
		return nil
	}
	if err := atomicfile.WriteMkdir(path, content, 0o644); err != nil {
		return fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	return nil
}
