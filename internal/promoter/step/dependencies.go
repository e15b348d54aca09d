package step

import (
	"context"
	"os"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/candidate"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/dependency"
	"github.com/christianb93/bitcoin-controller/internal/promoter/report"
)

// dependencies builds the charts that a chart depends on. A password that is not set is missed only by the repository that wants it:
// builds of forks have none.
func (p *Project) dependencies() dependency.Builder {
	b := dependency.Builder{Cache: p.Work.File("cache/dependencies"), Access: p.Access, Log: report.Lines(p.Report)}
	for _, r := range p.Config.Dependencies.Repositories {
		b.Repositories = append(b.Repositories, dependency.Repository{Name: r.Name, URL: r.URL, User: r.User, Password: p.password(r.Password)})
	}
	return b
}

func (p *Project) password(key config.Key) dependency.Secret {
	if v := p.Env(key.Env); key.Env != "" && v != "" {
		return dependency.Secret(v)
	}
	if key.File == "" {
		return ""
	}
	data, err := os.ReadFile(p.Config.Path(key.File))
	if err != nil {
		p.line("the password in %s cannot be read: %v", key.File, err)
	}
	return dependency.Secret(strings.TrimRight(string(data), "\r\n"))
}

// exportChart writes the chart of a commit into the work directory, and nothing else of the commit than what the chart needs.
func (p *Project) exportChart(ctx context.Context, commit string, u *candidate.Update) (closeTree func(), err error) {
	r, err := p.source(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := p.Work.Clear("source")
	if err != nil {
		return nil, err
	}
	tree, err := r.Tree(ctx, commit, dir)
	if err != nil {
		return nil, err
	}
	if err := tree.Need(ctx, p.Config.Chart.Path); err != nil {
		tree.Close()
		return nil, err
	}
	u.ChartDir, u.Source = tree.Path(p.Config.Chart.Path), dependency.Source{Top: tree.Dir, Need: tree.Need}
	return tree.Close, nil
}
