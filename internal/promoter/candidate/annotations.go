package candidate

import (
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// change is an entry of the annotation artifacthub.io/changes.
type change struct {
	Kind        string `json:"kind"`
	Description string `json:"description"`
}

// namedImage is an entry of the annotation artifacthub.io/images.
type namedImage struct {
	Name  string `json:"name"`
	Image string `json:"image"`
}

// kinds are the kinds of Artifact Hub for the types of conventional commits. Types without a kind change nothing for the chart's users.
var kinds = map[string]string{
	"feat": "added", "fix": "fixed", "perf": "changed", "refactor": "changed", "deps": "changed", "revert": "removed", "remove": "removed",
	"deprecate": "deprecated", "security": "security",
	"docs": "", "chore": "", "ci": "", "test": "", "tests": "", "style": "", "build": "",
}

var conventional = regexp.MustCompile(`^([a-zA-Z]+)(\([^)]*\))?(!)?: +(.+)$`)

// ChangesText is the value of the annotation artifacthub.io/changes for commits, newest first. Merges and commits that change nothing
// for the chart's users are left out.
func ChangesText(log []gitrepo.Entry) string {
	list := []change{}
	for _, e := range log {
		c := change{Kind: "changed", Description: strings.ToValidUTF8(e.Subject, "")}
		if m := conventional.FindStringSubmatch(c.Description); m != nil {
			kind, known := kinds[strings.ToLower(m[1])]
			breaking := m[3] == "!"
			if known && kind == "" && !breaking {
				continue
			}
			if known {
				c.Description = m[4]
			}
			if known && !breaking {
				c.Kind = kind
			}
		}
		if c.Description != "" && !strings.HasPrefix(c.Description, "Merge ") {
			list = append(list, c)
		}
	}
	return asYAML(list)
}

// imagesText is the value of the annotation artifacthub.io/images.
func imagesText(images []Image) string {
	var list []namedImage
	for _, i := range images {
		ref := i.Repository + ":" + i.Tag
		if i.Tag == "" {
			ref = i.Ref()
		}
		list = append(list, namedImage{path.Base(i.Repository), ref})
	}
	return asYAML(list)
}

func asYAML(v any) string {
	data, err := yaml.Marshal(v)
	if err != nil { // texts can always be marshalled
		return ""
	}
	return strings.TrimSpace(string(data))
}
