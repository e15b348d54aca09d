package stages

import (
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

func TestThePageKnowsWhereItIsServed(t *testing.T) {
	for name, c := range map[string]struct {
		publish config.Publish
		want    string
	}{
		"the address that is configured": {config.Publish{Git: "https://github.com/a/b.git", URL: "https://charts.example.com"}, "https://charts.example.com"},
		"a repository on GitHub":         {config.Publish{Git: "https://github.com/Owner/helm-charts.git"}, "https://owner.github.io/helm-charts"},
		"without .git":                   {config.Publish{Git: "https://github.com/owner/charts/"}, "https://owner.github.io/charts"},
		"the owner's own page":           {config.Publish{Git: "https://github.com/Owner/owner.github.io.git"}, "https://owner.github.io"},
		"with a token":                   {config.Publish{Git: "https://x:secret@github.com/owner/charts"}, "https://owner.github.io/charts"},
		"another server":                 {config.Publish{Git: "https://git.example.com/owner/charts.git"}, ""},
		"no repository of anybody":       {config.Publish{Git: "https://github.com/charts.git"}, ""},
		"the folder that GitHub serves":  {config.Publish{Git: "https://github.com/owner/charts", Path: "docs/"}, "https://owner.github.io/charts"},
		"another folder":                 {config.Publish{Git: "https://github.com/owner/charts", Path: "./helm/charts"}, "https://owner.github.io/charts/helm/charts"},
		"a folder of another server":     {config.Publish{Git: "https://git.example.com/owner/charts.git", Path: "docs"}, ""},
		"a path":                         {config.Publish{Git: "/srv/charts.git"}, ""},
		"a directory":                    {config.Publish{Directory: "/srv/charts"}, ""},
	} {
		if got := servedAt(&c.publish); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
