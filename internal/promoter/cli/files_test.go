package cli

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
)

// filesYAML makes two files, one of which depends on the version.
const filesYAML = `    build:
      files:
        command: {command: [sh, -c, "mkdir out && printf %s $VERSION >out/hello-linux-amd64 && (cd out && sha256sum hello-linux-amd64 >SHA256SUMS)"]}
        paths: ["out/*"]
`

// newFiles is a pipeline with other files of the build, whose candidate is tested.
func newFiles(t *testing.T, target string) *testPipeline {
	t.Helper()
	s := newTestPipeline(t, target, "v1.0.0")
	s.reconfigure("    build:\n", filesYAML)
	shell(t, s.dir, "git update-index --assume-unchanged ci/pipeline.yaml")
	s.must("build")
	s.must("bump")
	s.must("verify")
	return s
}

// released are the other files that a target has of the release, by name.
func (s *testPipeline) released(target string) map[string]string {
	s.t.Helper()
	found := map[string]string{}
	if target != "oci" {
		for path, content := range s.files() {
			if file, ok := strings.CutPrefix(path, "hello-1.0.0.files/"); ok {
				found[file] = content
			}
		}
		return found
	}
	pkg, err := os.ReadFile(s.env["WORK"] + "/hello-1.0.0.tgz")
	if err != nil {
		s.t.Fatal(err)
	}
	repo, err := name.NewRepository(s.env["PROD"] + "/hello")
	if err != nil {
		s.t.Fatal(err)
	}
	d, err := remote.Get(repo.Tag("sha256-" + chart.Digest(pkg)[:32] + ".files"))
	if err != nil {
		return found
	}
	var m v1.Manifest
	if err := json.Unmarshal(d.Manifest, &m); err != nil {
		s.t.Fatal(err)
	}
	for _, l := range m.Layers {
		// As `oras pull` names the files.
		found[l.Annotations["org.opencontainers.image.title"]] = l.Digest.Hex
	}
	return found
}

func TestOtherFilesOfABuildAreReleasedByDigest(t *testing.T) {
	t.Parallel()
	for target := range targets {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			s := newFiles(t, target)
			if got := s.released(target); len(got) != 0 {
				t.Fatalf("before the promotion the target has %v", got)
			}
			if code, msg := s.run("promote", "--dry-run"); code != 0 || len(s.released(target)) != 0 {
				t.Errorf("a dry run: exit %d %s", code, msg)
			}
			s.must("promote")
			want := map[string]string{"hello-linux-amd64": "1.0.0", "SHA256SUMS": chart.Digest([]byte("1.0.0")) + "  hello-linux-amd64\n"}
			if target == "oci" {
				for file, content := range want {
					want[file] = chart.Digest([]byte(content))
				}
			}
			got := s.released(target)
			for file, content := range want {
				if got[file] != content {
					t.Errorf("%s is %q, want %q", file, got[file], content)
				}
			}
			if len(got) != len(want) {
				t.Errorf("the target has %v", got)
			}
			if code, out, _ := s.call(s.args("promote")...); code != 0 || !strings.Contains(out, "changed:   no") && !strings.Contains(out, "no") {
				t.Errorf("again: exit %d %s", code, out)
			}
			if list := s.status("prod"); list != nil {
				t.Errorf("status takes the files for another version: %v", list)
			}
		})
	}
}

func TestOtherFilesOfARelease(t *testing.T) {
	t.Parallel()
	s := newFiles(t, "directory")
	body := shell(t, s.env["QA"], "git log -1 --format=%B main")
	if !strings.Contains(body, "\nFiles: "+s.env["HOST"]+"/hello:v1.0.0-files@sha256:") {
		t.Errorf("the candidate is\n%s", body)
	}
	// What the registry has of a release is not built again.
	s.reconfigure("printf %s $VERSION", "printf other")
	s.must("build")
	s.must("bump")
	if again := shell(t, s.env["QA"], "git log -1 --format=%B main"); again != body {
		t.Errorf("another build changed the candidate:\n%s", again)
	}
	if err := os.MkdirAll(s.env["PROD"]+"/hello-1.0.0.files", 0o755); err != nil {
		t.Fatal(err)
	}
	other := s.env["PROD"] + "/hello-1.0.0.files/SHA256SUMS"
	if err := os.WriteFile(other, []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, msg := s.run("promote"); code != 4 || !strings.Contains(msg, "SHA256SUMS: the version is published with another content") {
		t.Errorf("a file with another content: exit %d %s", code, msg)
	}
	if _, err := os.Stat(s.env["PROD"] + "/index.yaml"); err == nil {
		t.Error("the package was published without its files")
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	s.must("promote")
}

func TestFilesThatCannotBeReleased(t *testing.T) {
	t.Parallel()
	s := newTestPipeline(t, "directory", "v1.0.0")
	s.reconfigure("    build:\n", filesYAML)
	shell(t, s.dir, "git update-index --assume-unchanged ci/pipeline.yaml")
	last := `printf %s $VERSION >out/hello-linux-amd64 && (cd out && sha256sum hello-linux-amd64 >SHA256SUMS)`
	for name, c := range map[string]struct {
		script string
		code   int
		words  string
	}{
		"no file":                 {"true", 2, "no file matches out/*"},
		"a link":                  {"ln -s /etc/passwd out/x", 2, "out/x is not a regular file"},
		"a directory":             {"mkdir out/x", 2, "out/x is not a regular file"},
		"a link to its directory": {"rmdir out && ln -s /etc out", 2, "build.files"},
		"a name with a space":     {"touch 'out/a b'", 2, "with a name of letters"},
		"a command that fails":    {"exit 3", 3, "exit status 3"},
	} {
		s.reconfigure(last, c.script)
		last = c.script
		if code, msg := s.run("build"); code != c.code || !strings.Contains(msg, c.words) {
			t.Errorf("%s: exit %d, want %d with %q\n%s", name, code, c.code, c.words, msg)
		}
	}
}
