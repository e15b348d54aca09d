package cli

import (
	"os"
	"strings"
	"testing"
	"time"
)

// prepares sets verify.test: two scripts.
func (s *testPipeline) prepares(prepare, test, more string) {
	s.t.Helper()
	s.reconfigure("{command: [\"true\"]}", "{prepare: [sh, -c, '"+prepare+"'], command: [sh, -c, '"+test+"']"+more+"}")
}

// await is for goroutines of a server, too.
func await(t *testing.T, what string, done func() bool) {
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("waited 30 seconds for %s", what)
			return
		}
	}
}

func awaitFile(t *testing.T, what, path string) {
	await(t, what, func() bool { return exists(path) })
}

// awaitEnd waits for the end of the process whose number is in a file.
func awaitEnd(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	pid := strings.TrimSpace(string(data))
	await(t, "the end of process "+pid, func() bool { return !exists("/proc/" + pid) })
}

func TestTestsArePreparedBesideTheInstallation(t *testing.T) {
	for _, name := range []string{"KUBECONFIG", "RELEASE_NAME", "RELEASE_NAMESPACE", "HELM_MAJOR"} {
		t.Setenv(name, "foreign")
	}
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	dir := t.TempDir()
	s.prepares("echo fetching; test -z \"$KUBECONFIG$RELEASE_NAME$RELEASE_NAMESPACE$HELM_MAJOR\" && test -e cmd/hello/main.go && "+
		"echo $CHART_VERSION $LEVEL >fetched && touch "+dir+"/prepared",
		"test \"$RELEASE_NAME\" = hello && grep -x \"1.0.0 debug\" fetched", ", env: {LEVEL: debug}")
	s.beforeInstallation(func() { awaitFile(t, "the preparation", dir+"/prepared") })
	code, msg := s.run("verify")
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, msg)
	}
	// Its lines come right before those of the tests.
	installed, prepared, tested := strings.LastIndex(msg, "installed hello"), strings.Index(msg, "fetching\n"), strings.Index(msg, "grep")
	if installed < 0 || prepared < installed || tested < prepared || !strings.Contains(msg, "1 passed") {
		t.Errorf("the preparation is not reported between the installation and the tests:\n%s", msg)
	}
}

func TestAPreparationThatFailsFailsTheCandidate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ prepare, more, words string }{
		"an exit code": {"exit 7", "", "the preparation of the tests failed: sh -c"},
		"no end":       {"sleep 600", ", timeout: 5s", "the preparation of the tests failed: sh -c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTestPipeline(t, "directory", "v1.0.0")
			s.must("bump")
			dir := t.TempDir()
			s.prepares("echo $$$$ >"+dir+"/pid; trap \"touch "+dir+"/ended\" EXIT TERM; echo no registry; until test -e "+dir+"/installs; do sleep 0.05; done; "+c.prepare, "touch "+dir+"/tested", c.more)
			s.beforeInstallation(func() {
				if err := os.WriteFile(dir+"/installs", nil, 0o600); err != nil {
					t.Error(err)
				}
				awaitFile(t, "the end of the preparation", dir+"/ended")
				awaitEnd(t, dir+"/pid")
			})
			code, msg := s.run("verify")
			if code != 3 || !strings.Contains(msg, c.words) || !strings.Contains(msg, "no registry\n") {
				t.Errorf("exit %d, want 3 with %q\n%s", code, c.words, msg)
			}
			if exists(dir + "/tested") {
				t.Error("the tests ran")
			}
			if strings.Contains(msg, "Helm 4: installed") {
				t.Errorf("it was installed again, after the preparation had failed:\n%s", msg)
			}
			if left := append(s.api.secrets(), s.api.names("leases")...); len(left) > 0 {
				t.Errorf("the cluster still has %v", left)
			}
		})
	}
}

func TestAPreparationThatCannotBeStartedIsBadInput(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	s.reconfigure("{command: [\"true\"]}", "{prepare: [/no/such/program], command: [\"true\"]}")
	if code, msg := s.run("verify"); code != 2 || !strings.Contains(msg, "start /no/such/program") {
		t.Errorf("exit %d, want 2\n%s", code, msg)
	}
	if left := append(s.api.secrets(), s.api.names("leases")...); len(left) > 0 {
		t.Errorf("the cluster still has %v", left)
	}
}

func TestAnInstallationThatFailsEndsThePreparation(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.must("bump")
	dir := t.TempDir()
	s.prepares("echo $$$$ >"+dir+"/new && mv "+dir+"/new "+dir+"/pid; sleep 600", "true", "")
	s.beforeInstallation(func() {
		awaitFile(t, "the preparation", dir+"/pid")
		s.install("0123456789abcdef") // it fails, since another run has the release
	})
	code, _, msg := s.callInTime(time.Minute, s.args("verify")...)
	if code != 5 || !strings.Contains(msg, "is of another run") || strings.Contains(msg, "preparation") {
		t.Errorf("exit %d, want 5 for a release of another run\n%s", code, msg)
	}
	awaitEnd(t, dir+"/pid")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
