package cli

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
)

// oneNode is an engine as far as kind needs it until the first container of a cluster runs. CREATED is what that container does.
const oneNode = installed + `dir=${0%/*}
echo "$*" >>"$dir/calls"
case "$*" in
version) ;;
'network ls'*) echo kind ;;
'info --format'*) echo '{"MemoryLimit":true,"PidsLimit":true,"CPUShares":true,"CgroupDriver":"systemd","CgroupVersion":"2"}' ;;
'image inspect '*) ;;
'ps -a --filter label=io.x-k8s.kind.cluster=own '*) while read -r name; do echo "$name"; done <"$dir/node" ;;
'inspect --format '*role*) echo control-plane ;;
'run --name '*) echo "$3" >"$dir/node"; CREATED ;;
'rm -f -v '*) : >"$dir/node"; echo "$4" >>"$dir/removed" ;;
esac
`

// What fails while the cluster of a run is created leaves none, and unit tests that fail create none.
func TestTheClusterOfARunIsCreatedWhileItsImagesAreBuilt(t *testing.T) {
	const waits = `while [ -s "$dir/node" ]; do sleep 0.05; done; exit 137`
	const byGo, layout = "package: ./cmd/hello", `layout: {command: [sh, -c, "until [ -s $DIR/node ]; do sleep 0.05; done; echo broken; exit 1"]}`
	for name, c := range map[string]struct {
		test, image, created string
		args                 []string
		code                 int
		begun, removed       bool
		words                string
	}{
		"unit tests fail":                   {`sh, -c, "exit 1"`, byGo, waits, nil, 3, false, false, "unit tests"},
		"the image cannot be built":         {"true", layout, waits, nil, 3, true, true, "broken"},
		"the cluster cannot be created":     {"true", byGo, `: >"$dir/node"; echo no space left >&2; exit 1`, nil, 5, true, false, "stage qa, verify: the cluster could not be created: no space left"},
		"a dry run":                         {"true", byGo, waits, []string{"--dry-run"}, 0, false, false, ""},
		"the tests use an existing cluster": {"true", byGo, waits, []string{"--kubeconfig", "nowhere"}, 2, false, false, "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestRepo(t)
			engine(t, strings.ReplaceAll(oneNode, "CREATED", c.created))
			dir := os.Getenv("PATH")
			p.write("ci/pipeline.yaml", strings.NewReplacer(
				"    build:\n", "    build:\n      test: {command: ["+c.test+"]}\n", byGo, strings.ReplaceAll(c.image, "$DIR", dir)).Replace(pipelineYAML))
			p.commit("cmd/hello/main.go", "package main\n\nfunc main() {}\n// 1\n")
			p.key()
			t.Setenv("TMPDIR", t.TempDir()) // tests of other packages lock the same names
			if err := os.WriteFile(dir+"/node", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			before := cluster.EngineLimits
			t.Cleanup(func() { cluster.EngineLimits = before })
			cluster.EngineLimits.Cancelled = time.Minute // a container that stays takes longer than the limit below
			code, _, msg := p.callInTime(45*time.Second, append([]string{"run", "--cluster", "own"}, c.args...)...)
			if code != c.code || !strings.Contains(msg, c.words) {
				t.Errorf("exit %d, want %d with %q:\n%s", code, c.code, c.words, msg)
			}
			if before, _, found := strings.Cut(msg, "Creating cluster"); found && !strings.Contains(before, "==> qa verify") {
				t.Errorf("lines of the creation are between those of the build:\n%s", msg)
			}
			calls, _ := os.ReadFile(dir + "/calls")
			if begun := strings.Contains(string(calls), "run --name own-control-plane"); begun != c.begun {
				t.Errorf("a cluster was begun: %v\n%s\n%s", begun, calls, msg)
			}
			if n := strings.Count(string(calls), "run --name "); n > 1 {
				t.Errorf("%d clusters were begun", n)
			}
			left, _ := os.ReadFile(dir + "/node")
			if removed, _ := os.ReadFile(dir + "/removed"); len(left) > 0 || (len(removed) > 0) != c.removed {
				t.Errorf("%q is left, and it removed %q:\n%s", left, removed, calls)
			}
			if _, err := os.Stat(p.dir + "/dist/cluster"); err == nil {
				t.Error("the next run would delete a cluster")
			}
		})
	}
}
