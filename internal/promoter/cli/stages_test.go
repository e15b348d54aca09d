package cli

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/step"
)

// laterStages are two stages after qa, the one of which has a cluster of its own, and a channel between the stages.
const laterStages = `  - name: edge
    publish: {directory: "${PROD}-edge"}
  - name: staging
    verify: {cluster: {kubeconfig: {env: STAGING_KUBECONFIG}}, install: {release: staging, namespace: staging}}
  - name: load
    verify: {test: {command: [sh, -c, "test -n \"$CHART_VERSION\" -a -z \"$STAGING_KUBECONFIG\" && cat chart/Chart.yaml >/dev/null"]}}
  - name: prod
`

// newStages is a pipeline with these stages, and the keys of them.
func newStages(t *testing.T) *testPipeline {
	t.Helper()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.reconfigure("  - name: prod\n", laterStages)
	// The source must be that of the tag.
	shell(t, s.dir, "git update-index --assume-unchanged ci/pipeline.yaml")
	for _, stage := range []string{"staging", "load"} {
		s.must("keygen", s.env["WORK"]+"/"+stage)
		for suffix, file := range map[string]string{"_SIGNING_KEY": ".key", "_PUBLIC_KEY": ".pub"} {
			data, err := os.ReadFile(s.env["WORK"] + "/" + stage + file)
			if err != nil {
				t.Fatal(err)
			}
			s.env[strings.ToUpper(stage)+suffix] = string(data)
		}
	}
	kubeconfig, err := os.ReadFile(s.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	s.env["STAGING_KUBECONFIG"] = base64.StdEncoding.EncodeToString(kubeconfig)
	s.must("bump")
	return s
}

// plain is a command without the kubeconfig that the other tests add.
func (s *testPipeline) plain(args ...string) (code int, out, msg string) {
	s.t.Helper()
	return s.call(append([]string{"--work-dir", s.env["WORK"]}, args...)...)
}

func TestEachStageAttestsThePackageOfTheFirstOne(t *testing.T) {
	t.Parallel()
	s := newStages(t)
	if code, _, msg := s.plain("verify", "--stage", "staging"); code != 2 || !strings.Contains(msg, "run verify first") {
		t.Errorf("staging without a package: exit %d %s", code, msg)
	}
	s.must("verify")
	if code, _, msg := s.plain("promote", "--stage", "prod"); code != 4 || !strings.Contains(msg, "stage staging for this package; run verify --stage staging first") || !strings.Contains(msg, "verify --stage load") {
		t.Errorf("prod with qa alone: exit %d %s", code, msg)
	}
	if code, _, msg := s.plain("promote", "--stage", "edge"); code != 0 {
		t.Errorf("edge: exit %d %s", code, msg)
	}
	code, out, msg := s.plain("verify", "--stage", "staging", "-o", "json")
	var r step.VerifyResult
	if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil || r.Stage != "staging" || r.Version != "1.0.0" {
		t.Fatalf("staging: exit %d, %v\n%s\n%s", code, err, out, msg)
	}
	env, err := os.ReadFile(r.Attestation)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := attest.Verify(env, []byte(s.env["STAGING_PUBLIC_KEY"])); err != nil || v.Stage != "staging" || v.PackageDigest != r.PackageDigest || v.CandidateAt.IsZero() {
		t.Errorf("%+v %v", v, err)
	}
	if _, err := os.Stat(s.env["WORK"] + "/kubeconfig-staging"); err == nil {
		t.Error("the kubeconfig stays in the work directory")
	}
	s.must("verify", "--stage", "load")
	if code, _, msg := s.plain("promote", "--stage", "prod"); code != 0 {
		t.Errorf("prod: exit %d %s", code, msg)
	}
	if got := s.status("prod"); !slices.Equal(got, []string{"qa", "staging", "load"}) {
		t.Errorf("status shows the attestations of %v", got)
	}
	// Another candidate has to pass all stages again.
	s.must("verify")
	if left, _ := os.ReadDir(s.env["WORK"]); slices.ContainsFunc(left, func(e os.DirEntry) bool { return strings.HasSuffix(e.Name(), ".load.record.json") }) {
		t.Error("the attestation of a later stage outlives another test of the first one")
	}
}

// status are the stages whose attestations the version of a stage has.
func (s *testPipeline) status(stage string) []string {
	s.t.Helper()
	code, out, msg := s.plain("status", "-o", "json")
	var list []struct {
		Stage         string
		Verifications []string
	}
	if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil {
		s.t.Fatalf("status: exit %d, %v %s", code, err, msg)
	}
	for _, v := range list {
		if v.Stage == stage {
			return v.Verifications
		}
	}
	return nil
}

func TestALaterStageTestsNoOtherPackage(t *testing.T) {
	t.Parallel()
	s := newStages(t)
	s.must("verify")
	pkg := s.env["WORK"] + "/hello-1.0.0.tgz"
	for name, c := range map[string]struct {
		args  []string
		code  int
		words string
	}{
		"a package without its attestation": {[]string{"--package", pkg}, 4, "no attestation of stage qa"},
		"a package with its attestation":    {[]string{"--package", pkg, "--attestation", pkg + ".record.json"}, 0, ""},
		"a checkout of the candidates":      {[]string{"--candidate", s.dir}, 2, "--candidate and --commit are for that stage"},
		"a stage that does not test":        {[]string{"--stage", "edge"}, 2, `no testing stage "edge"`},
		"a package for the first stage":     {[]string{"--stage", "qa", "--package", pkg}, 2, "packages the candidate itself"},
	} {
		args := append([]string{"verify", "--stage", "load", "--kubeconfig", s.kubeconfig}, c.args...)
		if code, _, msg := s.plain(args...); code != c.code || !strings.Contains(msg, c.words) {
			t.Errorf("%s: exit %d, want %d with %q\n%s", name, code, c.code, c.words, msg)
		}
	}
	s.change(pkg, func(b []byte) []byte { return append(b, 0) })
	if code, msg := s.run("verify", "--stage", "load"); code != 4 || !strings.Contains(msg, "differs from the verified package") {
		t.Errorf("a package that was changed: exit %d %s", code, msg)
	}
}

func TestAYoungPackageWaits(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	s.must("verify")
	s.reconfigure(targets["directory"], targets["directory"]+"\n    guards: {minAge: 12h}")
	if code, _, msg := s.plain("promote", "--skip-unreleased"); code != 4 || !strings.Contains(msg, "guard minAge: prod requires a candidate of an age of 12h0m0s") || !strings.Contains(msg, "promote it after ") {
		t.Errorf("exit %d %s", code, msg)
	}
	if code, _, msg := s.plain("promote", "--skip-young"); code != 0 || !strings.Contains(msg, "nothing to do: prod requires") {
		t.Errorf("in CI: exit %d %s", code, msg)
	}
	code, out, _ := s.plain("status")
	if code != 0 || !strings.Contains(out, "prod requires more time") {
		t.Errorf("status: exit %d %s", code, out)
	}
	if _, err := os.Stat(s.env["PROD"] + "/index.yaml"); err == nil {
		t.Error("it was published")
	}
	s.reconfigure("minAge: 12h", "minAge: 1ms")
	s.must("promote")
}

func TestARunGoesThroughAllStages(t *testing.T) {
	t.Parallel()
	s := newStages(t)
	code, out, msg := s.call(s.args("run", "-o", "json")...)
	var r step.RunResult
	if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil || len(r.VerifiedLater) != 2 || len(r.Promoted) != 2 {
		t.Fatalf("exit %d, %v\n%s\n%s", code, err, out, msg)
	}
	if r.Promoted[0].Stage != "edge" || strings.Index(msg, "==> edge promote") > strings.Index(msg, "==> staging verify") {
		t.Errorf("edge does not come before staging:\n%s", msg)
	}
	code, out, _ = s.plain("explain")
	if want := "chart-promoter verify --stage staging"; code != 0 || !strings.Contains(out, want) {
		t.Errorf("explain: exit %d, want %q in\n%s", code, want, out)
	}
}
