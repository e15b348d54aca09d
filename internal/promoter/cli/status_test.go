package cli

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/seal"
	"github.com/christianb93/bitcoin-controller/internal/promoter/stages"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testrun"
)

// statusOf is the output of status, as JSON and as the row of each stage in the table.
func (s *testPipeline) statusOf() (list []stages.Version, rows map[string]string) {
	s.t.Helper()
	code, out, msg := s.call(s.args("status", "-o", "json")...)
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 {
		s.t.Fatalf("%d %v %s", code, err, msg)
	}
	_, out, _ = s.call(s.args("status")...)
	rows = map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		stage, rest, _ := strings.Cut(line, " ")
		rows[stage] = strings.Join(strings.Fields(rest), " ")
	}
	return list, rows
}

func TestStatusShowsWhatIsMissingForTheNextStage(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"git", "directory", "oci"} {
		t.Run(target, func(t *testing.T) {
			s := newTestPipeline(t, target, "v1.0.0")
			commit := strings.TrimSpace(shell(t, s.dir, "git rev-parse HEAD"))
			s.must("bump")
			list, rows := s.statusOf()
			if len(list) != 1 || list[0].Commit != commit || list[0].Tests != nil || len(list[0].Missing) != 1 || list[0].Missing[0].Guard != "verifiedBy" {
				t.Errorf("a candidate that was not tested: %+v", list)
			}
			if !strings.HasSuffix(rows["qa"], "prod requires an attestation of its tests") {
				t.Errorf("the row is %q", rows["qa"])
			}
			s.must("verify")
			list, rows = s.statusOf()
			if len(list) != 1 || list[0].Next != "prod" || len(list[0].Missing) != 0 || list[0].Tests == nil || list[0].VerifiedBy != "qa" || list[0].TestedAt.IsZero() {
				t.Errorf("a candidate that was tested: %+v", list)
			}
			if !strings.Contains(rows["qa"], commit[:12]+" 1/1 qa ready for prod") {
				t.Errorf("the row is %q", rows["qa"])
			}
			s.must("promote")
			s.env["WORK"] = t.TempDir() // another machine
			list, rows = s.statusOf()
			for _, v := range list {
				if v.Version != "1.0.0" || v.Commit != commit || v.VerifiedBy != "qa" || v.Next != "" || v.Digest == "" || v.Since.IsZero() {
					t.Errorf("after the promotion: %+v", v)
				}
			}
			if len(list) != 2 || !strings.HasSuffix(rows["prod"], commit[:12]+" 1/1 qa") || !strings.HasSuffix(rows["qa"], commit[:12]+" 1/1 qa") {
				t.Errorf("the rows are %q", rows)
			}
			delete(s.env, "QA_PUB")
			if code, _, msg := s.call(s.args("status")...); code != 0 || strings.Count(msg, "QA_PUB") != 1 || !strings.Contains(msg, "approvals are not shown") {
				t.Errorf("without the key: %d %s", code, msg)
			}
		})
	}
}

func TestAPromotionUpdatesThePagesOfItsRepository(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"git", "directory"} {
		t.Run(target, func(t *testing.T) {
			s := newTestPipeline(t, target, "v1.0.0")
			s.must("bump")
			s.must("verify")
			s.must("promote")
			files := s.files()
			for name, want := range map[string][]string{
				"index.html":  {"helm repo add hello", ">1.0.0 <span", `href="hello-1.0.0.tgz"`, `href="status.html"`},
				"status.html": {"Status of hello", "1 of 1 passed", ">prod<", ">qa<"},
			} {
				for _, w := range want {
					if !strings.Contains(files[name], w) || !seal.Intact([]byte(files[name])) {
						t.Errorf("no %q in %s:\n%s", w, name, files[name])
					}
				}
			}
			code, out, msg := s.call(s.args("promote")...)
			if diff := cmp.Diff(files, s.files()); diff != "" || code != 0 || !strings.Contains(out, "changed:   no") {
				t.Errorf("the same again: %d %s%s%s", code, out, msg, diff)
			}
			s.must("yank", "hello", "1.0.0")
			files = s.files()
			if !strings.Contains(files["index.html"], "Nothing is published") || !strings.Contains(files["status.html"], "nothing yet") {
				t.Errorf("after the only version was withdrawn:\n%s\n%s", files["index.html"], files["status.html"])
			}
		})
	}
}

func TestStatusWritesAPageToTheFile(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	file := s.dir + "/out/status.html"
	for range 2 { // its own page is replaced
		code, out, msg := s.call(s.args("status", "--html", file)...)
		written, err := os.ReadFile(file)
		if code != 0 || err != nil || !seal.Intact(written) || !strings.Contains(out, "STAGE") {
			t.Fatalf("%d %v %s%s", code, err, out, msg)
		}
		if _, out, _ := s.call(s.args("status", "--html", "-")...); out != string(written) {
			t.Errorf("standard output has another page:\n%s", out)
		}
	}
	s.write("README.md", "read me")
	code, out, msg := s.call(s.args("status", "--html", s.dir+"/README.md")...)
	if text, _ := os.ReadFile(s.dir + "/README.md"); code != 2 || out != "" || string(text) != "read me" || !strings.Contains(msg, "another name") {
		t.Errorf("a foreign file: %d %s%s, it is %q", code, out, msg, text)
	}
}

func TestAPromotionReportsForeignPagesAndKeepsThem(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	s.must("verify")
	for _, name := range []string{"index.html", "status.html"} {
		if err := os.MkdirAll(s.env["PROD"], 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.env["PROD"]+"/"+name, []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code, msg := s.run("promote")
	files := s.files()
	if code != 0 || files["index.html"] != "mine" || files["status.html"] != "mine" || !strings.Contains(msg, "index.html was not written by chart-promoter") || !strings.Contains(msg, "status.html was not written by chart-promoter") {
		t.Errorf("%d %s\n%s %s", code, msg, files["index.html"], files["status.html"])
	}
}

func TestStatusShowsAnInstallationAsSuch(t *testing.T) {
	t.Parallel()
	three := &attest.Tests{Run: 3, Passed: 3}
	for _, c := range []struct {
		v    stages.Version
		want string
	}{
		{stages.Version{}, ""},
		{stages.Version{Tests: three, TestedBy: "helm test"}, "3/3"},
		{stages.Version{Tests: &attest.Tests{Run: 1, Passed: 1}, TestedBy: testrun.Installation}, "installed only"},
	} {
		if got := tests(c.v); got != c.want {
			t.Errorf("%+v: %q, want %q", c.v, got, c.want)
		}
	}
}
