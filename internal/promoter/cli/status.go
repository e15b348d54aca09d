package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/pipeline"
	"github.com/christianb93/bitcoin-controller/internal/promoter/seal"
)

func (a *app) statusCommand() *cobra.Command {
	limit, html := 10, ""
	c := &cobra.Command{
		Use: "status", Args: cobra.NoArgs,
		Short: "Show which versions are in which stage, what was tested, and what is missing for the next step",
		RunE:  func(c *cobra.Command, _ []string) error { return a.status(c.Context(), limit, html) },
	}
	c.Flags().IntVar(&limit, "limit", limit, "versions of each stage; 0 is all")
	c.Flags().StringVar(&html, "html", "", "write it as a page to this file too, or to standard output (-) in place of the table")
	return c
}

func (a *app) status(ctx context.Context, limit int, html string) error {
	if html == "-" && a.output == "json" {
		return fmt.Errorf("%w: standard output holds one result, the page or JSON; give --html a file, or leave --output out", failure.ErrInput)
	}
	s, err := a.session(ctx)
	if err != nil {
		return err
	}
	list, err := pipeline.Status(ctx, s, limit)
	if err != nil {
		return err
	}
	if html != "" {
		content, err := pipeline.StatusPage(s.Config, list)
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
	var rows []string
	for _, v := range list {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%.12s\t%s\t%s\t%s\t%s", v.Stage, v.Version, v.Since.UTC().Format(time.DateTime), v.Commit, tests(v), v.VerifiedBy,
			strings.Join(v.ApprovedBy, ", "), next(v)))
	}
	if list == nil {
		list = []pipeline.StageVersion{}
	}
	return a.table(list, "STAGE\tVERSION\tSINCE (UTC)\tCOMMIT\tTESTS\tVERIFIED BY\tAPPROVED BY\tNEXT", rows)
}

// tests says how many of them passed. Nobody is to take an installation for a test.
func tests(v pipeline.StageVersion) string {
	switch {
	case v.Tests == nil:
		return ""
	case v.TestedBy == pipeline.TestedByInstallation:
		return "installed only"
	}
	return fmt.Sprintf("%d/%d", v.Tests.Passed, v.Tests.Run)
}

// next says in a few words what JSON and the page say in sentences.
func next(v pipeline.StageVersion) string {
	var wants []string
	for _, m := range v.Missing {
		wants = append(wants, map[string]string{"versions": "a release", "verifiedBy": "a record of its tests", "approvals": "approval"}[m.Guard])
	}
	switch {
	case v.Next == "":
		return ""
	case len(wants) == 0:
		return "ready for " + v.Next
	}
	return v.Next + " wants " + strings.Join(wants, ", ")
}

// writePage replaces a page of this program, and nothing else.
func (a *app) writePage(path string, content []byte) error {
	there, err := os.ReadFile(path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", failure.ErrInput, err)
	case err == nil && len(there) > 0 && !seal.Intact(there):
		return fmt.Errorf("%w: %s is not a page that chart-promoter wrote, or was changed since; give --html another name, or remove it", failure.ErrInput, path)
	}
	if a.dryRun {
		return nil
	}
	if err := atomicfile.WriteMkdir(path, content, 0o644); err != nil {
		return fmt.Errorf("%w: %w", failure.ErrInput, err)
	}
	return nil
}
