package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// edited changes a file of the candidate in a clone, and returns the command that verifies it.
func (s *testPipeline) edited(file, content string) []string {
	s.t.Helper()
	dir := s.t.TempDir()
	shell(s.t, dir, "git clone -q "+s.env["QA"]+" qa")
	if err := os.WriteFile(filepath.Join(dir, "qa/chart", file), []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
	shell(s.t, dir+"/qa", "git add -A")
	return []string{"verify", "--candidate", dir + "/qa"}
}

func (s *testPipeline) reconfigure(from, to string) {
	s.t.Helper()
	s.change(s.dir+"/ci/pipeline.yaml", func(b []byte) []byte {
		if !strings.Contains(string(b), from) {
			s.t.Fatalf("%q is not in the configuration", from)
		}
		return []byte(strings.Replace(string(b), from, to, 1))
	})
}

// upgrades publishes 1.0.0 and has verify upgrade from it; the candidate is 1.1.0 then.
func (s *testPipeline) upgrades() {
	s.t.Helper()
	s.must("verify")
	s.must("promote")
	s.reconfigure("verify: {", "verify: {upgradeFrom: prod, ")
}

const aChart = "apiVersion: v2\nname: hello\nappVersion: v1.0.0\nversion: "

// Each case is an error that only the steps after bump can detect; the message explains what to do.
func TestErrorsInVerifyAndPromoteHaveTheirExitCodes(t *testing.T) { //nolint:funlen // a table of cases
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*testPipeline) []string // and the command
		code    int
		words   string
	}{
		"a version that is not SemVer": {func(s *testPipeline) []string { return s.edited("Chart.yaml", aChart+"one.two\n") }, 2, "one.two"},
		"a chart that does not lint":   {func(s *testPipeline) []string { return s.edited("templates/x.yaml", "{{ end }}") }, 2, "x.yaml"},
		"a chart that cannot be installed": {func(s *testPipeline) []string {
			return s.edited("templates/x.yaml", "apiVersion: no/v1\nkind: Nothing\nmetadata: {name: x}\n")
		}, 3, "the chart cannot be installed"},
		"an appVersion that names no commit": {func(s *testPipeline) []string {
			return s.edited("Chart.yaml", strings.Replace(aChart, "v1.0.0", "v7", 1)+"7.0.0\n")
		}, 2, "v7"},
		"tests that fail": {func(s *testPipeline) []string { s.reconfigure(`["true"]`, `["false"]`); return []string{"verify"} }, 3, "the tests failed"},
		"a pod that does not start": {func(s *testPipeline) []string {
			s.reconfigure("verify: {", "verify: {install: {timeout: 2s}, ")
			return s.edited("templates/x.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: main, image: "+goneImage+"}]}\n")
		}, 3, "pod hello/x: main is waiting: ImagePullBackOff no such image"},
		"a version that is not that of its tag": {func(s *testPipeline) []string {
			s.must(s.edited("Chart.yaml", aChart+"3.0.0\n")...)
			return []string{"promote", "--skip-unreleased"}
		}, 4, "does not match its appVersion"},
		"tests that hang": {func(s *testPipeline) []string {
			s.reconfigure(`["true"]`, `[sleep, "600"], timeout: 1s`)
			return []string{"verify"}
		}, 3, "raise the limit"},
		"tests that cannot be started": {func(s *testPipeline) []string {
			s.reconfigure(`["true"]`, `[/no/such/program]`)
			return []string{"verify"}
		}, 2, "start /no/such/program"},
		"a cluster that does not answer":                      {func(s *testPipeline) []string { s.kubeconfig = closed(s); return []string{"verify"} }, 5, "check the kubeconfig"},
		"a kubeconfig that is missing":                        {func(s *testPipeline) []string { s.kubeconfig = "/no/such/kubeconfig"; return []string{"verify"} }, 2, "not a usable kubeconfig"},
		"a release that no run has installed":                 {func(s *testPipeline) []string { s.installByHand(); return []string{"verify"} }, 2, "uninstall it"},
		"a full disk where charts are":                        {func(s *testPipeline) []string { s.must("verify"); s.fullDisk(); return []string{"promote"} }, 5, "free space on the disk"},
		"a corrupt index":                                     {func(s *testPipeline) []string { s.must("verify"); s.corruptIndex(); return []string{"promote"} }, 5, "restore index.yaml"},
		"a candidate that is a link to files of this machine": {func(s *testPipeline) []string { s.linkedAway(); return []string{"verify"} }, 2, "is a link to a path outside of it"},
		"a corrupt index to upgrade from":                     {func(s *testPipeline) []string { s.upgrades(); s.corruptIndex(); return []string{"verify"} }, 5, "restore index.yaml"},
		"an index entry whose archive is gone":                {func(s *testPipeline) []string { s.goneArchive(); return s.edited("Chart.yaml", aChart+"1.1.0\n") }, 5, "publish that version again, or yank it"},
		"a prod repository that is missing": {func(s *testPipeline) []string {
			s.must("verify")
			s.prodIsGit("/no/such.git")
			return []string{"promote"}
		}, 5, "check the address"},
		"wrong credentials of a prod registry": {func(s *testPipeline) []string {
			s.must("verify")
			s.reconfigure(`{directory: "${PROD}", page: true, statusPage: true}`, `{oci: "`+rejecting(s.t)+`/charts"}`)
			return []string{"promote"}
		}, 5, "CHART_PROMOTER_REGISTRY_PASSWORD"},
		"wrong credentials of a prod repository": {func(s *testPipeline) []string {
			s.must("verify")
			s.prodIsGit("http://" + rejecting(s.t) + "/prod.git")
			return []string{"promote"}
		}, 5, "token"},
		"another run in the same directory":       {func(s *testPipeline) []string { s.busy(); return []string{"verify"} }, 2, "--work-dir"},
		"a work directory that cannot be created": {func(s *testPipeline) []string { s.env["WORK"] = s.dir + "/go.mod/work"; return []string{"verify"} }, 2, "the work directory"},
		"an attestation that is missing": {func(s *testPipeline) []string {
			s.must("verify")
			return []string{"promote", "--attestation", "/no/such.json"}
		}, 2, "/no/such.json"},
		"the earlier flag of attestations": {func(s *testPipeline) []string {
			s.must("verify")
			return []string{"promote", "--record", "/no/such.json"}
		}, 2, "/no/such.json"},
		"a package that is not a chart": {func(s *testPipeline) []string { return []string{"promote", "--package", s.dir + "/go.mod"} }, 2, "not a usable chart"},
		"an invalid public key": {func(s *testPipeline) []string {
			s.must("verify")
			s.env["QA_PUB"] = "hello"
			return []string{"promote"}
		}, 2, "QA_PUB"},
		"a candidate's commit that is missing": {func(s *testPipeline) []string { return []string{"verify", "--commit", strings.Repeat("a", 40)} }, 2, "no such commit"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestPipeline(t, "directory", "v1.0.0")
			s.must("bump")
			args := c.prepare(s)
			before := s.files()
			code, msg := s.run(args...)
			if code != c.code || !strings.Contains(msg, c.words) {
				t.Errorf("exit %d:\n%s\nwant exit %d with %q", code, msg, c.code, c.words)
			}
			if name == "tests that fail" && len(s.logs()) == 0 {
				t.Error("no logs")
			}
			if diff := cmp.Diff(before, s.files()); diff != "" {
				t.Errorf("published files changed:\n%s", diff)
			}
			if log := shell(t, s.env["QA"], "git log --oneline main | wc -l"); strings.TrimSpace(log) != "1" {
				t.Errorf("the candidates' repository has %s commits", log)
			}
		})
	}
}

// logs are the files with content that a failed verify leaves.
func (s *testPipeline) logs() (names []string) {
	s.t.Helper()
	for name, content := range s.tree(s.env["WORK"] + "/logs") {
		if content != "" {
			names = append(names, name)
		}
	}
	return names
}

// rejecting is a server that rejects all credentials.
func rejecting(t *testing.T) (host string) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

// linkedAway replaces the chart of the candidate with a link to another directory.
func (s *testPipeline) linkedAway() {
	elsewhere, dir := s.t.TempDir(), s.t.TempDir()
	shell(s.t, dir, "git clone -q "+s.env["QA"]+" qa && cp -r qa/chart/. "+elsewhere+" && cd qa && rm -r chart && ln -s "+elsewhere+" chart && git add -A && git -c user.name=a -c user.email=a@localhost commit -q --amend -m linked && git push -qf origin HEAD:main")
}

// closed is the kubeconfig of a server that is closed.
func closed(s *testPipeline) string {
	srv := httptest.NewServer(nil)
	srv.Close()
	path := filepath.Join(s.t.TempDir(), "kubeconfig")
	data, _ := os.ReadFile(s.kubeconfig)
	at := strings.Index(string(data), "http://")
	end := strings.Index(string(data[at:]), `"`)
	if err := os.WriteFile(path, []byte(string(data[:at])+srv.URL+string(data[at+end:])), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// installByHand installs a release of this name, without the mark of a run.
func (s *testPipeline) installByHand() {
	s.t.Helper()
	s.must("verify", "--keep-cluster")
	s.api.mu.Lock()
	defer s.api.mu.Unlock()
	for _, o := range s.api.objects {
		if labels, ok := o["metadata"].(map[string]any)["labels"].(map[string]any); ok { //nolint:forcetypeassert // each has metadata
			delete(labels, "chart-promoter/run")
		}
	}
}

// fullDisk redirects new indexes and packages to a device that is always full.
func (s *testPipeline) fullDisk() {
	s.t.Helper()
	if _, err := os.Stat("/dev/full"); err != nil {
		s.t.Skip("this system has no /dev/full")
	}
	if err := os.MkdirAll(s.env["PROD"], 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", s.env["PROD"]+"/.chart-promoter.part"); err != nil {
		s.t.Fatal(err)
	}
}

func (s *testPipeline) corruptIndex() {
	s.t.Helper()
	if err := os.MkdirAll(s.env["PROD"], 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.env["PROD"]+"/index.yaml", []byte("apiVersion: v1\nentries:\n  <<<<<<< HEAD\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *testPipeline) goneArchive() {
	s.t.Helper()
	s.upgrades()
	if err := os.Remove(s.env["PROD"] + "/hello-1.0.0.tgz"); err != nil {
		s.t.Fatal(err)
	}
}

func (s *testPipeline) prodIsGit(address string) {
	s.t.Helper()
	s.reconfigure(`{directory: "${PROD}", `, `{git: "`+address+`", `)
}

// busy locks the work directory, as another run does.
func (s *testPipeline) busy() {
	s.t.Helper()
	if err := os.MkdirAll(s.env["WORK"], 0o755); err != nil {
		s.t.Fatal(err)
	}
	lock, err := os.OpenFile(s.env["WORK"]+"/lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { lock.Close() })
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		s.t.Fatal(err)
	}
}
