package cli

import (
	"archive/zip"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/testtools"
)

var update = flag.Bool("update", false, "write the golden files")

const samples = "../importer/testdata/"

// The API server accepts these manifests: TestImportedNetworksAreAccepted in test/apiserver.
func TestImportPrintsManifests(t *testing.T) {
	w := newWorld(t, three())
	for golden, file := range map[string]string{"polar": samples + "polar.json", "warnet": samples + "warnet", "warnet-file": samples + "warnet/network.yaml"} {
		got := w.works("import", file)
		testtools.Golden(t, filepath.Join("testdata/import", strings.TrimSuffix(golden, "-file")+".yaml"), got, *update)
		_, comments, _ := strings.Cut(got, "\n# Not imported:\n")
		comments, _, _ = strings.Cut(comments, "apiVersion")
		notes := strings.ReplaceAll(w.err.String(), "Not imported: ", "#   ")
		if golden == "polar" {
			before, after, _ := strings.Cut(notes, "\n")
			if notes = after; !strings.HasPrefix(before, `The name "Three Merchants!" becomes three-merchants`) || !strings.Contains(got, "\n# "+before+"\n") {
				t.Errorf("the standard error begins with %q", before)
			}
		}
		if notes != comments {
			t.Errorf("%s: the standard error has\n%sand the comments\n%s", file, notes, comments)
		}
	}
}

func TestImportReadsArchivesAndTheInput(t *testing.T) {
	w := newWorld(t, three())
	text, err := os.ReadFile(samples + "polar.json")
	if err != nil {
		t.Fatal(err)
	}
	want := w.works("import", samples+"polar.json")
	path := filepath.Join(t.TempDir(), "merchants.polar.zip")
	file, err := os.Create(path) //nolint:gosec // of the test
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(file)
	for name, data := range map[string]string{"docker-compose.yml": "services: {}", "export.json": string(text)} {
		entry, err := archive.Create(name)
		if err == nil {
			_, err = entry.Write([]byte(data))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{archive.Close(), file.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := w.works("import", path); got != want {
		t.Errorf("the archive gives\n%s", got)
	}
	zipped, err := os.ReadFile(path) //nolint:gosec // of the test
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{string(text), string(zipped)} {
		w.in = in
		if got := w.works("import", "-"); got != want {
			t.Errorf("the input gives\n%s", got)
		}
	}
	w.in = "nodes: [{name: a}]"
	const single = "\nkind: BitcoinNetwork\nmetadata:\n  name: mine\nspec:\n  nodes: 1\n  zmq: {}\n"
	if got := w.works("import", "-", "--name", "mine", "--strict"); !strings.HasSuffix(got, single) || strings.Contains(got, "---") {
		t.Errorf("a single node gives\n%s", got)
	}
}

func TestImportOfAWrongFileEndsWith2(t *testing.T) {
	w := newWorld(t, three())
	directory := t.TempDir()
	w.fails(exitInvalid, "network.yaml does not exist: name an export of Polar, or a network.yaml of Warnet or its directory", "import", directory)
	w.fails(exitInvalid, "3 arguments are wrong: write kubectl btcnet import", "import", "a", "b", "c")
	w.fails(exitInvalid, "with --strict, nothing is printed, since 6 parts cannot be imported, the first of them startup commands",
		"import", samples+"polar.json", "--strict")
	if w.out.Len() > 0 {
		t.Errorf("with --strict it printed %q", w.out.String())
	}
	for name, text := range map[string]string{"network.yaml": "nodes: [{name: a}]", "node-defaults.yaml": "- a"} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.fails(exitInvalid, "node-defaults.yaml is no network of Warnet", "import", directory)
	w.in = strings.Repeat(" ", 4<<20+1)
	w.fails(exitInvalid, "the input has more than 4194304 bytes", "import", "-")
	w.in = "<graphml/>"
	w.fails(exitInvalid, "the input is a graph as Warnet had them", "import", "-")
}

func TestImportOfANetworkWithoutAPossibleNameEndsWith2(t *testing.T) {
	w := newWorld(t, three())
	w.in = "nodes: [{name: a}]"
	w.fails(exitInvalid, "set one with --name", "import", "-")
	w.in = "warnet: 東京\nnodes: [{name: a}]"
	w.fails(exitInvalid, `the network "東京" of Warnet has no name of which a resource could have a part (letters a to z, digits): set one with --name`, "import", "-")
}

// What is piped has no end that could be read first, as a zip file needs.
func TestImportOfALargeArchiveNeedsItsName(t *testing.T) {
	w := newWorld(t, three())
	w.in = "PK\x03\x04" + strings.Repeat(" ", 4<<20)
	w.fails(exitInvalid, "the input is an archive of more than 4194304 bytes, and one of this size is read from a file only: name the file", "import", "-")
}
