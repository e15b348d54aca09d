package step

import (
	"context"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

type buildStep struct{ stage *config.Stage }

func (buildStep) Name() string    { return "build" }
func (s buildStep) Stage() string { return s.stage.Name }
func (s buildStep) Does() string {
	return "test, build and push " + strings.Join(s.repositories(), ", ")
}
func (buildStep) Command() []string { return []string{"build"} }
func (buildStep) Skip(*State) *Skip { return nil }

func (s buildStep) repositories() []string {
	var list []string
	for _, i := range s.stage.Build.All() {
		list = append(list, i.Repository)
	}
	return list
}

func (s buildStep) Inputs(v *VersionResult) map[string]string {
	inputs := map[string]string{}
	for n, i := range s.stage.Build.All() {
		suffix := ""
		if n > 0 {
			suffix = " " + i.Name
		}
		inputs["package"+suffix], inputs["dockerfile"+suffix] = i.Package, i.Dockerfile
		if i.Elsewhere() {
			inputs["image"+suffix] = image.Reference(i.Repository, i.Tag, i.DigestText())
			continue
		}
		if i.Layout != nil {
			inputs["layout"+suffix] = strings.Join(i.Layout.Command, " ")
		}
		inputs["image"+suffix] = i.Repository + ":" + v.ImageTag
	}
	return withoutEmpty(inputs)
}

func (buildStep) Run(ctx context.Context, s *State) (string, error) {
	var err error
	if s.Build, err = Build(ctx, s.Project, s.Options.Build); err != nil {
		return "", err
	}
	if s.Build.withheld != nil {
		return "built " + s.Build.Digest + ", not pushed: " + s.Build.Withheld, nil
	}
	var refs []string
	for _, i := range s.Build.all() {
		refs = append(refs, i.Ref())
	}
	return strings.Join(refs, ", "), nil
}

func (s buildStep) Requirements() []Requirement {
	var list []Requirement
	needed := map[string]Requirement{}
	for _, i := range s.stage.Build.All() {
		switch {
		case i.Package != "":
			needed["go"] = program("build", "go", "version")
		case i.Dockerfile != "":
			needed["docker"] = program("build", cluster.EngineCommand(), "version")
		}
		if i.Elsewhere() {
			continue
		}
		list = append(list, Requirement{
			What: "registry of " + i.Repository, For: "build",
			Check: func(ctx context.Context, p *Project) (string, error) {
				return "accepts pushes", p.Access.CheckPush(ctx, i.Repository)
			},
		})
	}
	for _, name := range []string{"docker", "go"} {
		if r, ok := needed[name]; ok {
			list = append([]Requirement{r}, list...)
		}
	}
	return list
}
