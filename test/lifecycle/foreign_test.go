//go:build e2e

package lifecycle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cli"
)

// shop is a source repository with a chart that is not ours, and the repositories that init proposes for it.
type shop struct {
	*testing.T
	dir string
	env map[string]string
}

func newShop(t *testing.T, chart map[string]string) *shop {
	t.Helper()
	needCluster(t)
	base := t.TempDir()
	s := &shop{t, filepath.Join(base, "source"), map[string]string{"HOME": base, "PATH": os.Getenv("PATH")}}
	for name, content := range chart {
		path := filepath.Join(s.dir, "chart", name)
		ok(t, os.MkdirAll(filepath.Dir(path), 0o755))
		ok(t, os.WriteFile(path, []byte(content), 0o644))
	}
	s.git("init", "-q", "-b", "main")
	for _, name := range []string{"origin", "origin-helm-qa", "origin-helm"} {
		s.git("init", "-q", "--bare", "-b", "main", filepath.Join(base, name+".git"))
	}
	s.git("remote", "add", "origin", filepath.Join(base, "origin.git"))
	s.must("keygen", filepath.Join(base, "qa"))
	for variable, file := range map[string]string{"QA_SIGNING_KEY": "qa.key", "QA_PUBLIC_KEY": "qa.pub"} {
		key, err := os.ReadFile(filepath.Join(base, file))
		ok(t, err)
		s.env[variable] = string(key)
	}
	s.must("init", "--ci", "none")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "a foreign chart")
	s.git("tag", "v1.2.3")
	return s
}

func (s *shop) git(args ...string) {
	s.Helper()
	cmd := exec.Command("git", append([]string{"-C", s.dir, "-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// promoter is the tool as one has it on the command line.
func (s *shop) promoter(args ...string) (code int, stdout, stderr string) {
	s.Helper()
	var out, msg bytes.Buffer
	args = append([]string{"-C", s.dir, "--config", filepath.Join(s.dir, "ci/pipeline.yaml"), "--work-dir", s.work(), "-o", "json"}, args...)
	code = cli.Main(s.Context(), args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &msg}, func(k string) string { return s.env[k] })
	return code, out.String(), msg.String()
}

func (s *shop) work() string { return filepath.Join(filepath.Dir(s.dir), "work") }

func (s *shop) must(args ...string) string {
	s.Helper()
	code, out, msg := s.promoter(args...)
	if code != 0 {
		s.Fatalf("%v: exit %d\n%s", args, code, msg)
	}
	return out
}

// nothingLeft waits until verify has left nothing of the release, its tests included.
func (s *shop) nothingLeft(namespace string) {
	s.Helper()
	eventually(s.T, "nothing of the chart to be left", func() error {
		pods, err := testCluster.Core.CoreV1().Pods(namespace).List(s.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		services, err := testCluster.Core.CoreV1().Services(namespace).List(s.Context(), metav1.ListOptions{})
		if err == nil && len(pods.Items)+len(services.Items) > 0 {
			err = fmt.Errorf("%d pods and %d services", len(pods.Items), len(services.Items))
		}
		return err
	})
	ok(s.T, testCluster.Core.CoreV1().Namespaces().Delete(s.Context(), namespace, metav1.DeleteOptions{}))
	// Another test's release goes into a namespace of this name too.
	eventually(s.T, "the namespace "+namespace+" to be gone", func() error {
		_, err := testCluster.Core.CoreV1().Namespaces().Get(s.Context(), namespace, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		}
		return errors.New("it still exists")
	})
}

// daemon is a chart as many have it: pods, a service, and a test that asks the one through the other. The test waits: a bitcoind listens,
// and is ready for its probe, before it has loaded its blocks and answers.
func daemon(image, question string) map[string]string {
	const container = "image: {{ .Values.image | quote }}\n        imagePullPolicy: IfNotPresent\n"
	return map[string]string{
		"Chart.yaml":  "apiVersion: v2\nname: daemon\nversion: 0.1.0\nappVersion: x\n",
		"values.yaml": "image: " + image + "\n",
		"templates/service.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: {{ .Release.Name }}}\nspec:\n  selector: {app: {{ .Release.Name }}}\n" +
			"  ports: [{port: 18332}]\n",
		"templates/deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: {{ .Release.Name }}}\nspec:\n  selector: {matchLabels: {app: {{ .Release.Name }}}}\n" +
			"  template:\n    metadata: {labels: {app: {{ .Release.Name }}}}\n    spec:\n      securityContext: {fsGroup: 1000}\n      volumes: [{name: data, emptyDir: {}}]\n      containers:\n      - name: daemon\n        " + container +
			"        args: [-conf=/bitcoin.conf, -rpcuser=a, -rpcpassword=b, -rpcbind=0.0.0.0, -rpcallowip=0.0.0.0/0]\n        volumeMounts: [{name: data, mountPath: /data}]\n" +
			"        readinessProbe: {periodSeconds: 1, tcpSocket: {port: 18332}}\n",
		"templates/tests/answers.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}-answers\n  annotations: {helm.sh/hook: test}\nspec:\n  restartPolicy: Never\n  containers:\n      - name: ask\n        " + container +
			"        command: [/usr/local/bin/bitcoin-cli, -regtest, \"-rpcconnect={{ .Release.Name }}\", -rpcport=18332, -rpcuser=a, -rpcpassword=b, -rpcwait, -rpcwaittimeout=30, " + question + "]\n",
	}
}

// helmsOwn is a chart that Helm is tested with: two dependencies, roles, and a test with a ConfigMap. The image of the test
// is one that the cluster has; a definition of a form that no cluster knows any more is left out; and the ConfigMap comes before
// the pod that waits for it, which by their names it does not.
func helmsOwn(t *testing.T, image string) map[string]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "helm.sh/helm/v3").Output()
	ok(t, err)
	dir := filepath.Join(strings.TrimSpace(string(out)), "cmd/helm/testdata/testcharts/subchart")
	files := map[string]string{}
	ok(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, rerr := filepath.Rel(dir, path)
		files[rel] = string(data)
		return errors.Join(err, rerr)
	}))
	files["Chart.yaml"] = strings.Replace(files["Chart.yaml"], "apiVersion: v1", "apiVersion: v2", 1) + "appVersion: \"1.0\"\n"
	delete(files, "crds/crdA.yaml")
	files["templates/tests/test-config.yaml"] = strings.Replace(files["templates/tests/test-config.yaml"], `"helm.sh/hook": test`, `"helm.sh/hook": test
    "helm.sh/hook-weight": "-1"`, 1)
	const test = "templates/tests/test-nothing.yaml"
	before := files[test]
	files[test] = strings.NewReplacer(`"alpine:latest"`, image+"\n      imagePullPolicy: IfNotPresent", "- echo", "- /usr/local/bin/bitcoin-cli", `- "$message"`, "- -version").Replace(before)
	if files[test] == before {
		t.Fatal("Helm's chart has another test by now")
	}
	return files
}

func TestForeignChartsAreVerifiedByTheirOwnTests(t *testing.T) {
	needCluster(t)
	image := os.Getenv("BITCOIND_IMAGE")
	for name, chart := range map[string]map[string]string{"daemon": daemon(image, "getblockcount"), "subchart": helmsOwn(t, image)} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, chart)
			s.must("bump")
			var verified struct {
				TestedBy string
				Tests    struct{ Run, Passed int }
			}
			ok(t, json.Unmarshal([]byte(s.must("verify", "--kubeconfig", testCluster.Kind.Kubeconfig)), &verified))
			if verified.TestedBy != "helm test" || verified.Tests.Run != 2 || verified.Tests.Passed != 2 {
				t.Errorf("verified by %+v", verified)
			}
			s.nothingLeft(name)
			if out := s.must("promote"); !strings.Contains(out, `"1.2.3"`) {
				t.Errorf("promoted: %s", out)
			}
		})
	}
}

func TestAForeignChartWhoseTestFailsIsNotPromoted(t *testing.T) {
	needCluster(t)
	s := newShop(t, daemon(os.Getenv("BITCOIND_IMAGE"), "nosuchquestion"))
	s.must("bump")
	code, _, msg := s.promoter("verify", "--kubeconfig", testCluster.Kind.Kubeconfig)
	if code != 3 || !strings.Contains(msg, "FAIL: daemon-answers") || !strings.Contains(msg, "Method not found") {
		t.Errorf("verify: exit %d\n%s", code, msg)
	}
	junit, err := os.ReadFile(filepath.Join(s.work(), "junit.xml"))
	ok(t, err)
	if !strings.Contains(string(junit), `failures="1"`) || !strings.Contains(string(junit), "Method not found") {
		t.Errorf("the report is\n%s", junit)
	}
	s.nothingLeft("daemon")
	if code, _, msg := s.promoter("promote"); code != 2 || !strings.Contains(msg, "run verify first") {
		t.Errorf("promote: exit %d %s", code, msg)
	}
}
