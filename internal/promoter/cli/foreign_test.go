package cli

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
	"github.com/christianb93/bitcoin-controller/internal/promoter/publish"
)

// helmCharts is the directory of Helm's own module, which has charts for its tests. They are read there, not copied.
func helmCharts(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "helm.sh/helm/v3").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

const (
	labelled = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-{{ .Chart.Name }}\ndata:\n  tag: {{ dig \"image\" \"tag\" \"none\" .Values.AsMap | quote }}\n"
	testPod  = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}-answers\n  annotations: {helm.sh/hook: test}\nspec:\n  containers: [{name: a, image: a}]\n"
)

// awkward are charts that break some editors of YAML.
var awkward = map[string]map[string]string{
	"crlf-and-bom": {
		"Chart.yaml":  "\ufeffapiVersion: v2\r\n# version: 9\r\nname: crlf\r\nversion: '0.1.0' # ours\r\nappVersion: \"old\"\r\ndependencies: []\r\n",
		"values.yaml": "\ufeffimage:\r\n  tag: x\r\n  repository: y # where\r\n", "templates/cm.yaml": strings.ReplaceAll(labelled, "\n", "\r\n"), "templates/tests/pod.yaml": testPod,
	},
	"anchors": {
		"Chart.yaml":  "apiVersion: v2\nname: anchors\nversion: &v 0.1.0\nappVersion: '1'\nannotations: {was: *v}\n",
		"values.yaml": "base: &base {tag: x, pull: Always}\nother: *base\nimage: {<<: *base, repository: y, tag: 'z'}\n", "templates/cm.yaml": labelled,
	},
	"order-and-quotes": {
		"Chart.yaml":        "appVersion: >-\n  folded\n  text\n\"version\": \"0.1.0\"\n# name: no\nname: 'order'\ndependencies:\n  - {name: sub, version: 0.1.0, appVersion: no}\napiVersion: v2\n",
		"values.yaml":       "sub: {version: 1, appVersion: 2}\nversion: 3\n",
		"templates/cm.yaml": labelled, "charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 0.1.0\nappVersion: stays\n", "charts/sub/templates/cm.yaml": labelled,
	},
	"type-of-v2":     {"Chart.yaml": "apiVersion: v1\nname: typed\ntype: application\nversion: 0.1.0\nappVersion: \"0.1.0\"\n", "templates/cm.yaml": labelled},
	"without-values": {"Chart.yaml": "apiVersion: v2\nname: bare\nversion: 0.1.0\nappVersion: x", "templates/NOTES.txt": "Nothing.\n"},
}

func TestForeignChartsAreVerifiedAndPromoted(t *testing.T) {
	t.Parallel()
	const (
		missing    = "add the line `appVersion:"
		appVersion = "appVersion: \"0.1.0\"\n" // the placeholder of a new chart; 1.0 would be that of another program
		undeclared = "these are no dependencies of the chart, but Helm would install them with it"
		library    = "dependencies: [{name: common, version: 0.0.5, repository: \"https://charts.example.com\"}]\n"
	)
	helm := helmCharts(t)
	for name, c := range map[string]struct {
		// chart is one of awkward, or a directory of Helm's module. init rejects it with this message until add is appended to
		// its Chart.yaml and its apiVersion is v2; the directory drop is left out.
		chart, rejected, add, drop string
		// program is whether the pipeline builds an image.
		program  bool
		tests    int
		testedBy string
	}{
		"a library as an archive":               {chart: "cmd/helm/testdata/testcharts/chart-with-lib-dep", rejected: undeclared, add: library, program: true, tests: 1, testedBy: "installation and readiness, the chart has no test of its own"},
		"a library in templates, as an archive": {chart: "cmd/helm/testdata/testcharts/chart-with-template-lib-archive-dep", rejected: undeclared, add: library, tests: 1, testedBy: "installation"},
		"subcharts and a test of its own":       {chart: "cmd/helm/testdata/testcharts/subchart", rejected: missing, add: appVersion, drop: "crds", tests: 1, testedBy: "helm test"},
		"a chart with a secret":                 {chart: "cmd/helm/testdata/testcharts/chart-with-secret", rejected: missing, add: appVersion, tests: 1, testedBy: "installation"},
		"CRLF and byte order marks":             {chart: "crlf-and-bom", program: true, tests: 1, testedBy: "helm test"},
		"anchors":                               {chart: "anchors", program: true, tests: 1, testedBy: "installation"},
		"any order, any quotes":                 {chart: "order-and-quotes", tests: 1, testedBy: "installation"},
		"a field that Helm's linter rejects":    {chart: "type-of-v2", rejected: "chart type is not valid in apiVersion 'v1'. It is valid in apiVersion 'v2'", tests: 1, testedBy: "installation"},
		"no values":                             {chart: "without-values", tests: 1, testedBy: "installation"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newForeignPipeline(t, c.program)
			s.put(helm, c.chart, c.drop)
			if c.rejected != "" {
				if code, out, msg := s.call("init"); code != 2 || out != "" || !strings.Contains(msg, c.rejected) {
					t.Fatalf("as it is: %d %s", code, msg)
				}
				s.change(s.dir+"/chart/Chart.yaml", func(b []byte) []byte {
					return []byte(strings.Replace(string(b), "apiVersion: v1", "apiVersion: v2", 1) + c.add)
				})
			}
			before := s.tree(s.dir + "/chart")
			args := []string{"init", "--ci", "none"}
			if c.program {
				args = append(args, "--image", s.env["HOST"]+"/foreign")
			}
			s.must(args...)
			shell(t, s.dir, commitAll+" && git tag v1.2.3")
			if c.program {
				s.must("build", "--platform", "linux/amd64")
			}
			for _, step := range []string{"bump", "verify", "promote"} {
				s.must(step)
			}
			s.onlyFieldsDiffer(before, c.program)
			s.published(2*c.tests, c.testedBy) // each major of Helm counts
		})
	}
}

// newForeignPipeline returns a testPipeline whose source has neither a chart nor a configuration, and a program on request.
func newForeignPipeline(t *testing.T, program bool) *testPipeline {
	t.Helper()
	s := &testPipeline{testRepo: newTestRepo(t)}
	s.kubeconfig, s.api = newAPIServer(t)
	shell(t, s.dir, "git rm -rqf chart ci")
	if !program {
		shell(t, s.dir, "git rm -rqf go.mod cmd")
	}
	base := filepath.Dir(s.dir)
	// The repositories that init proposes.
	shell(t, base, "git init -q --bare -b main origin.git && git init -q --bare -b main origin-helm-qa.git && git init -q --bare -b main origin-helm.git && git -C source remote add origin "+base+"/origin.git")
	s.proposed(base)
	return s
}

// proposed sets the environment for the repositories beside the source that init proposes, with keys.
func (s *testPipeline) proposed(base string) {
	s.t.Helper()
	s.env["QA"], s.env["PROD"], s.env["WORK"] = base+"/origin-helm-qa.git", base+"/origin-helm.git", base+"/work"
	s.cfg = publish.Config{Git: s.env["PROD"], Branch: "main"}
	if code, _, msg := s.call("keygen", base+"/qa"); code != 0 {
		s.t.Fatal(msg)
	}
	for env, file := range map[string]string{"QA_SIGNING_KEY": base + "/qa.key", "QA_PUBLIC_KEY": base + "/qa.pub"} {
		data, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		s.env[env] = string(data)
	}
}

// put writes a chart into the source.
func (s *testPipeline) put(helm, chart, drop string) {
	s.t.Helper()
	for name, content := range awkward[chart] {
		s.write("chart/"+name, content)
	}
	if awkward[chart] != nil {
		return
	}
	for name, content := range s.tree(filepath.Join(helm, chart)) {
		if drop == "" || !strings.HasPrefix(name, drop+"/") {
			s.write("chart/"+name, content)
		}
	}
}

func (s *testPipeline) tree(dir string) map[string]string {
	s.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		all[rel] = string(data)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

var fieldLine = map[string]*regexp.Regexp{
	"Chart.yaml":  regexp.MustCompile(`^"?(version|appVersion)"?:|^  (folded|text)\s*$`),
	"values.yaml": regexp.MustCompile(`\b(tag|repository):`),
}

// onlyFieldsDiffer compares the candidate with the chart, byte for byte.
func (s *testPipeline) onlyFieldsDiffer(before map[string]string, program bool) {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "qa")
	if _, err := gitrepo.Clone(s.t.Context(), s.env["QA"], dir, gitrepo.CloneOptions{Branch: "main"}); err != nil {
		s.t.Fatal(err)
	}
	after := s.tree(dir + "/chart")
	if len(before) != len(after) {
		s.t.Errorf("the candidate has %d files, want %d", len(after), len(before))
	}
	for name, old := range before {
		pattern := fieldLine[name]
		if pattern == nil || name == "values.yaml" && !program {
			pattern = regexp.MustCompile(`^\x00`)
		}
		rest := func(text string) (kept []string) {
			for _, line := range strings.SplitAfter(text, "\n") {
				if !pattern.MatchString(line) {
					kept = append(kept, line)
				}
			}
			return kept
		}
		if a, b := rest(old), rest(after[name]); strings.Join(a, "") != strings.Join(b, "") {
			s.t.Errorf("%s was\n%q\nand is\n%q", name, old, after[name])
		}
	}
	app := "v1.2.3"
	if kept := `appVersion: "1.0"`; strings.Contains(before["Chart.yaml"], kept) && !program {
		app = kept // the version of a program of another project
	}
	if !strings.Contains(after["Chart.yaml"], "1.2.3") || !strings.Contains(after["Chart.yaml"], app) {
		s.t.Errorf("Chart.yaml is\n%s", after["Chart.yaml"])
	}
	if program && !strings.Contains(after["values.yaml"], s.env["HOST"]+"/foreign") {
		s.t.Errorf("values.yaml is\n%s", after["values.yaml"])
	}
}

// published checks that the tested package is in the chart repository, with an attestation of how it was tested.
func (s *testPipeline) published(tests int, testedBy string) {
	s.t.Helper()
	target := s.target()
	pkg, err := os.ReadFile(s.one(".tgz"))
	if err != nil {
		s.t.Fatal(err)
	}
	name := strings.TrimSuffix(filepath.Base(s.one(".tgz")), "-1.2.3.tgz")
	got, err := target.Package(s.t.Context(), name, "1.2.3")
	if err != nil || string(got) != string(pkg) {
		s.t.Errorf("%s 1.2.3 is not the tested package: %v", name, err)
	}
	attestations, err := target.Attestations(s.t.Context(), name, "1.2.3")
	if err != nil {
		s.t.Fatal(err)
	}
	// Beside provenance and an SBOM.
	var verifications []attest.Verification
	for _, a := range attestations {
		if v, err := attest.Verify(a, []byte(s.env["QA_PUBLIC_KEY"])); err == nil {
			verifications = append(verifications, *v)
		} else if !errors.Is(err, attest.ErrWrongKind) {
			s.t.Fatal(err)
		}
	}
	if len(verifications) != 1 {
		s.t.Fatalf("%d of %d attestations are of tests", len(verifications), len(attestations))
	}
	r := verifications[0]
	if !strings.HasPrefix(r.TestedBy, testedBy) || r.Tests.Run != tests || r.Tests.Passed != tests {
		s.t.Errorf("the attestation has %q, %+v", r.TestedBy, r.Tests)
	}
	if left := s.api.secrets(); len(left) > 0 {
		s.t.Errorf("the cluster still has %v", left)
	}
	junit, err := os.ReadFile(s.env["WORK"] + "/junit.xml")
	if err != nil || !strings.Contains(string(junit), testedBy) {
		s.t.Errorf("%v, the report is\n%s", err, junit)
	}
}

func TestTheConfigurationOfInitRejectsAttestationsOfAnotherKey(t *testing.T) {
	t.Parallel()
	s := newForeignPipeline(t, false)
	s.put("", "without-values", "")
	s.must("init", "--ci", "none")
	shell(t, s.dir, commitAll+" && git tag v1.2.3")
	s.must("bump")
	signing := s.env["QA_SIGNING_KEY"]
	s.env["QA_SIGNING_KEY"] = ""
	if code, msg := s.run("verify"); code != 2 || !strings.Contains(msg, "QA_SIGNING_KEY") {
		t.Errorf("verify without a key: %d %s", code, msg)
	}
	s.env["QA_SIGNING_KEY"] = signing
	s.must("verify")
	if code, _, msg := s.call("keygen", s.env["WORK"]+"/other"); code != 0 {
		t.Fatal(msg)
	}
	other, err := os.ReadFile(s.env["WORK"] + "/other.pub")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{"": 2, string(other): 4} {
		s.env["QA_PUBLIC_KEY"] = key
		if code, msg := s.run("promote"); code != want {
			t.Errorf("promote with the key %.30q: %d %s, want %d", key, code, msg, want)
		}
	}
	if files := s.files(); len(files) > 0 {
		t.Errorf("published: %v", files)
	}
}
