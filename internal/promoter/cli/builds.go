package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/travis"
)

type buildsOptions struct {
	api     string
	query   travis.Query
	timeout time.Duration
}

func (a *app) buildsCommand() *cobra.Command {
	o := buildsOptions{query: travis.Query{Limit: 10}, timeout: 30 * time.Second}
	c := &cobra.Command{
		Use: "builds [OWNER/NAME]", Args: cobra.MaximumNArgs(1),
		Short: "List the last builds of a repository at Travis and their states",
		Long: `List the last builds of a repository at Travis and their states, newest first.

The default repository is that of the remote origin. The token is read from the variable
` + ci.TravisToken + `; ` + "`travis token`" + ` prints one. Public repositories need none.`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.query.Repository = args[0]
			}
			return a.builds(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.api, "api", "", "address of the Travis API (default: the variable "+ci.TravisAPI+", or "+travis.DefaultAPI+")")
	f.StringVar(&o.query.Branch, "branch", "", "list only builds of this branch")
	f.IntVar(&o.query.Limit, "limit", o.query.Limit, "maximum number of builds")
	f.DurationVar(&o.timeout, "timeout", o.timeout, "timeout of the request")
	return c
}

func (a *app) builds(ctx context.Context, o buildsOptions) error {
	if o.query.Limit < 1 || o.timeout <= 0 {
		return fmt.Errorf("%w: --limit and --timeout must be greater than zero", failure.ErrInput)
	}
	if o.query.Repository == "" {
		var err error
		if o.query.Repository, err = a.hosted(ctx); err != nil {
			return err
		}
	}
	for _, address := range []string{a.env(ci.TravisAPI), travis.DefaultAPI} {
		if o.api == "" {
			o.api = address
		}
	}
	// No flag takes the token: every user of a machine can read the arguments of a process.
	client, err := travis.New(o.api, a.env(ci.TravisToken))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	list, err := client.Builds(ctx, o.query)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, b := range list {
		rows = append(rows, buildRow(b))
	}
	return a.table(list, []string{"NUMBER", "STATE", "OF", "COMMIT", "TOOK", "STARTED (UTC)"}, rows)
}

func buildRow(b travis.Build) []string {
	of, took, started := b.Branch, "", ""
	switch {
	case b.Tag != "":
		of = b.Tag
	case b.PullRequest != 0:
		of = fmt.Sprintf("#%d to %s", b.PullRequest, b.Branch)
	}
	if b.DurationSeconds != nil {
		took = (time.Duration(*b.DurationSeconds) * time.Second).String()
	}
	if b.StartedAt != nil {
		started = b.StartedAt.UTC().Format(time.DateTime)
	}
	return []string{b.Number, b.State, of, fmt.Sprintf("%.12s", b.Commit), took, started}
}

// hosted is OWNER/NAME of the remote origin.
func (a *app) hosted(ctx context.Context) (string, error) {
	dir := a.dir
	if dir == "" {
		dir = "."
	}
	r, err := gitrepo.Open(ctx, dir, gitrepo.Options{})
	if err != nil {
		return "", fmt.Errorf("%w; name a repository as OWNER/NAME", err)
	}
	remote, ok := gitrepo.ParseRemote(r.Origin(ctx))
	if !ok {
		return "", fmt.Errorf("%w: the remote origin has no host; name a repository as OWNER/NAME", failure.ErrInput)
	}
	return remote.Path, nil
}
