package cli

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
)

// one returns the only file in the work directory with this ending.
func (s *testPipeline) one(ending string) string {
	s.t.Helper()
	found, err := filepath.Glob(s.env["WORK"] + "/*" + ending)
	if err != nil || len(found) != 1 {
		s.t.Fatalf("the files with %s are %v, %v", ending, found, err)
	}
	return found[0]
}

// change rewrites a file.
func (s *testPipeline) change(path string, how func([]byte) []byte) {
	s.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, how(data), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// flip returns a function that changes one bit.
func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[(at+len(b))%len(b)] ^= 1
		return b
	}
}

// anotherDigest changes the attestation's payload, not its signature.
func anotherDigest(envelope []byte) []byte {
	var e map[string]any
	_ = json.Unmarshal(envelope, &e)
	body, _ := base64.StdEncoding.DecodeString(e["payload"].(string))
	at := strings.Index(string(body), `"sha256":"`) + len(`"sha256":"`)
	body[at] = "01"[(body[at]&1)^1]
	e["payload"] = base64.StdEncoding.EncodeToString(body)
	out, _ := json.Marshal(e)
	return out
}

// changedCandidate verifies a candidate of the same version with other content, in a new work directory.
func (s *testPipeline) changedCandidate() {
	s.t.Helper()
	dir := s.t.TempDir()
	shell(s.t, dir, "git clone -q "+s.env["QA"]+" qa")
	s.change(dir+"/qa/chart/templates/NOTES.txt", func([]byte) []byte { return []byte("Installed, differently.\n") })
	s.env["WORK"] = s.t.TempDir()
	s.must("verify", "--candidate", dir+"/qa")
}

func TestAPullRequestOfTheQARepositoryIsTestedAndNotPublished(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	before := s.everything()
	s.env["GITHUB_ACTIONS"], s.env["GITHUB_EVENT_NAME"] = "true", "pull_request"
	delete(s.env, "QA_KEY")
	if code, out, msg := s.call(s.args("verify")...); code != 0 || !strings.Contains(out, "not signed") {
		t.Fatalf("exit %d\n%s%s", code, out, msg)
	}
	if found, _ := filepath.Glob(s.env["WORK"] + "/*.record.json*"); len(found) != 0 {
		t.Errorf("attestations: %v", found)
	}
	if code, msg := s.run("promote", "--stage", "prod", "--skip-unreleased"); code != 0 || !strings.Contains(msg, "nothing to do") {
		t.Errorf("promote: exit %d\n%s", code, msg)
	}
	if diff := cmp.Diff(before["published 1.0.0"], s.everything()["published 1.0.0"]); diff != "" {
		t.Error(diff)
	}
}

func TestPromoteRejectsWhatWasNotTestedAndChangesNothing(t *testing.T) {
	t.Parallel()
	const gzipTime = 4 // a byte of the header that no reader evaluates
	cases := map[string]struct {
		tag   string
		spoil func(*testPipeline)
		code  int
		words string
	}{
		"a package with one bit changed in its header": {"v1.0.0", func(s *testPipeline) { s.change(s.one(".tgz"), flip(gzipTime)) }, 4, "promote the package that was tested"},
		"a package with its last bit changed":          {"v1.0.0", func(s *testPipeline) { s.change(s.one(".tgz"), flip(-1)) }, 4, "promote the package that was tested"},
		"a package with one bit changed in its middle": {"v1.0.0", func(s *testPipeline) {
			s.change(s.one(".tgz"), func(b []byte) []byte { return flip(len(b) / 2)(b) })
		}, 4, "promote the package that was tested"},
		"an attestation with a changed digest": {"v1.0.0", func(s *testPipeline) { s.change(s.one(".tgz.record.json"), anotherDigest) }, 4, "the attestation cannot be trusted: the signature is not from an accepted key"},
		"an attestation with one bit changed":  {"v1.0.0", func(s *testPipeline) { s.change(s.one(".tgz.record.json"), flip(60)) }, 4, "the attestation cannot be trusted"},
		"a truncated attestation": {"v1.0.0", func(s *testPipeline) {
			s.change(s.one(".tgz.record.json"), func(b []byte) []byte { return b[:len(b)/2] })
		}, 4, "the attestation cannot be trusted"},
		"an attestation of a wrong key": {"v1.0.0", func(s *testPipeline) {
			_, pub, _ := attest.GenerateKey()
			s.env["QA_PUB"] = string(pub)
		}, 4, "the signature is not from an accepted key"},
		"an approval that is missing": {"v1.0.0", func(s *testPipeline) {
			_, pub, _ := attest.GenerateKey()
			s.env["APPROVER"] = string(pub)
			s.change(s.dir+"/ci/pipeline.yaml", func(b []byte) []byte {
				return append(b, "    guards: {approvals: 1, approverKeys: [{env: APPROVER}]}\n"...)
			})
		}, 4, "run `chart-promoter approve`"},
		"a release candidate":                         {"v1.0.0-rc.1", func(*testPipeline) {}, 4, "1.0.0-rc.1 is not a release; prod accepts only releases"},
		"a release candidate in the old form":         {"1.0.0-rc1", func(*testPipeline) {}, 4, "1.0.0-rc1 is not a release"},
		"a version that exists with another digest":   {"v1.0.0", func(s *testPipeline) { s.must("promote"); s.changedCandidate() }, 4, "will not be overwritten"},
		"a version that was yanked, with another one": {"v1.0.0", func(s *testPipeline) { s.must("promote"); s.must("yank", "hello", "1.0.0"); s.changedCandidate() }, 4, "will not be overwritten"},
	}
	alike := []string{"a package with one bit changed in its header", "a package with one bit changed in its middle", "an attestation with one bit changed", "a truncated attestation", "a release candidate in the old form"}
	for target := range targets {
		for name, c := range cases {
			// The kind of repository matters only to published versions. A registry deletes a yanked version.
			if target == "oci" && strings.Contains(name, "yanked") || target != "directory" && slices.Contains(alike, name) {
				continue
			}
			t.Run(target+"/"+name, func(t *testing.T) {
				s := newTestPipeline(t, target, c.tag)
				s.must("bump")
				s.must("verify")
				c.spoil(s)
				before := s.everything()
				for _, args := range [][]string{{"promote", "--dry-run"}, {"promote"}} {
					code, msg := s.run(args...)
					if code != c.code || !strings.Contains(msg, c.words) {
						t.Errorf("%v: exit %d:\n%s\nwant exit %d with %q", args, code, msg, c.code, c.words)
					}
					if last := strings.Split(strings.TrimSpace(msg), "\n"); !strings.HasPrefix(last[len(last)-1], "chart-promoter: ") {
						t.Errorf("the last line is not the error:\n%s", msg)
					}
					if diff := cmp.Diff(before, s.everything()); diff != "" {
						t.Errorf("%v changed something:\n%s", args, diff)
					}
				}
			})
		}
	}
}
