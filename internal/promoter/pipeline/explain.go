package pipeline

import (
	"context"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// Explained is one step that would be done, with its inputs.
type Explained struct {
	Stage   string   `json:"stage"`
	Step    string   `json:"step"`
	Does    string   `json:"does"`
	Command []string `json:"command"`
	// Inputs are what the step works with, by name.
	Inputs map[string]string `json:"inputs,omitempty"`
	// Skipped says why it is not done in this build.
	Skipped string `json:"skipped,omitempty"`
}

// Explain lists each step that this build would do, and does nothing.
func Explain(ctx context.Context, s *Session) ([]Explained, error) {
	v, err := Version(ctx, s)
	if err != nil {
		return nil, err
	}
	var list []Explained
	for _, st := range Steps(s.Config) {
		e := Explained{Stage: st.Stage, Step: st.Name, Does: st.Does, Command: append([]string{"chart-promoter"}, st.Command...), Inputs: s.inputs(st, v)}
		switch {
		case st.Name != "version" && st.Name != "build" && !v.CI.MayPush():
			e.Skipped = "the build of a pull request or of a fork ends before the first push"
		case st.Name == "promote" && !takes(s.Config.Stage(st.Stage).Guards, v):
			e.Skipped = v.Chart + " is " + kindOfVersion(v) + ", which " + st.Stage + " does not take"
		}
		list = append(list, e)
	}
	return list, nil
}

func takes(g *config.Guards, v *VersionResult) bool {
	return g.Versions == "any" || v.Release || v.Prerelease && g.Versions == "prerelease"
}

func (s *Session) inputs(st Step, v *VersionResult) map[string]string {
	stage := s.Config.Stage(st.Stage)
	switch st.Name {
	case "version":
		return notEmpty(map[string]string{"engine": orNone(v.CI), "commit": v.Commit, "tag": v.Tag, "after": v.BaseTag})
	case "build":
		return map[string]string{"package": stage.Build.Image.Package, "image": stage.Build.Image.Repository + ":" + v.ImageTag}
	case "bump":
		return notEmpty(map[string]string{"chart": s.Config.Chart.Path, "version": v.Chart, "appVersion": v.App, "repository": address(stage.Candidate.Git), "branch": stage.Candidate.Branch})
	case "verify":
		return notEmpty(map[string]string{"nodeImage": stage.Verify.Cluster.NodeImage, "release": stage.Verify.Install.Release, "namespace": stage.Verify.Install.Namespace, "source": v.App, "upgradeFrom": stage.Verify.UpgradeFrom})
	case "promote":
		return map[string]string{"to": where(stage.Publish), "versions": stage.Guards.Versions, "verifiedBy": stage.Guards.VerifiedBy}
	}
	return nil
}

func orNone(c ci.Build) string {
	if c.Engine == "" {
		return "none"
	}
	return c.Engine
}

func notEmpty(m map[string]string) map[string]string {
	for k, v := range m {
		if v == "" {
			delete(m, k)
		}
	}
	return m
}
