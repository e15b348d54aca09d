package candidate

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// Whoever may push to the candidates' repository puts links there, and files of the machine that runs bump stay as they are.
func TestALinkOutOfTheCandidatesRepositoryIsNotFollowed(t *testing.T) {
	for name, c := range map[string]struct {
		link, target string // where the link is, and the chart
		rejected     bool
	}{
		"a directory above the chart":           {"charts", "charts/hello", true},
		"the chart's directory is replaced":     {"hello", "hello", false},
		"a file beside others is replaced":      {"Chart.yaml", ".", false},
		"a directory beside others is replaced": {"templates", ".", false},
	} {
		t.Run(name, func(t *testing.T) {
			src, repo, outside := t.TempDir(), t.TempDir(), t.TempDir()
			for path, content := range map[string]string{src + "/Chart.yaml": "version: 1", src + "/templates/a.yaml": "a", outside + "/hello/a.yaml": "mine", outside + "/Chart.yaml": "mine"} {
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			at := outside
			if c.link == "Chart.yaml" {
				at += "/Chart.yaml"
			}
			if err := os.Symlink(at, filepath.Join(repo, c.link)); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(repo)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			err = explainEscape(repo, syncChart(src, src, root, c.target))
			if errors.Is(err, chart.ErrUnsafe) != c.rejected || !c.rejected && err != nil {
				t.Errorf("got %v", err)
			}
			for _, file := range []string{"hello/a.yaml", "Chart.yaml"} {
				if got, _ := os.ReadFile(filepath.Join(outside, file)); string(got) != "mine" {
					t.Errorf("%s outside of the repository holds %q", file, got)
				}
			}
		})
	}
}

func TestScalarsOfALinkedFileAreNotWritten(t *testing.T) {
	repo, file := t.TempDir(), filepath.Join(t.TempDir(), "mine.yaml")
	if err := errors.Join(os.WriteFile(file, []byte("version: mine\n"), 0o644), os.Symlink(file, repo+"/Chart.yaml")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(repo)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	err = explainEscape(repo, setFields(root, ".", config.Fields{"Chart.yaml": {"version": "chartVersion"}}, map[string]string{"chartVersion": "1.0.0"}))
	if failure.Of(err) != failure.BadInput {
		t.Errorf("got %v", err)
	}
	if got, _ := os.ReadFile(file); string(got) != "version: mine\n" {
		t.Errorf("it holds %q", got)
	}
}

func TestAChartThatIsALinkOutOfItsRepositoryIsNotPackaged(t *testing.T) {
	repo, elsewhere := t.TempDir(), t.TempDir()
	if err := errors.Join(os.Symlink(elsewhere, repo+"/out"), os.Mkdir(repo+"/real", 0o755), os.Symlink("real", repo+"/in")); err != nil {
		t.Fatal(err)
	}
	for path, rejected := range map[string]bool{"out": true, "in": false, "real": false, ".": false} {
		if err := checkContained(repo, filepath.Join(repo, path)); errors.Is(err, chart.ErrUnsafe) != rejected {
			t.Errorf("%s: %v", path, err)
		}
	}
}
