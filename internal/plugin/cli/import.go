package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/christianb93/bitcoin-controller/internal/plugin/importer"
	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

type imports struct {
	*session
	name, network string
	strict        bool
	// namespace is that of the resources, "" for the one that they are applied to.
	namespace string
}

const importExample = `  # The zip file of Export Network in Polar
  kubectl btcnet import my-network.polar.zip | kubectl apply -f -

  # One of all networks of Polar
  kubectl btcnet import ~/.polar/networks/networks.json --network "my network" >my-network.yaml

  # A network of Warnet, with its node-defaults.yaml
  kubectl btcnet import networks/my-network --strict`

// The files of a network of Warnet.
const (
	warnetNetwork  = "network.yaml"
	warnetDefaults = "node-defaults.yaml"
)

func importCommand(s *session) *cobra.Command {
	c := &imports{session: s}
	command := &cobra.Command{
		Use:   "import FILE|DIRECTORY",
		Short: "Print a network of Polar or Warnet as a manifest",
		Long: "Print the nodes, connections and channels of a network of Polar or Warnet as a BitcoinNetwork, and its LND nodes as a LightningNetwork. No\n" +
			"cluster is needed. Comments at the head of the manifest name the nodes by their ordinals, and everything that is not imported, which is\n" +
			"printed to the standard error too, with six names of each kind. FILE is the zip file of Export Network in Polar, the export.json in it, Polar's\n" +
			"networks.json, or a network.yaml of Warnet, with which the node-defaults.yaml beside it is read. FILE - is the input, up to 4 MiB: a larger zip\n" +
			"file is read by its name only. docs/kubectl.md has what becomes of each part.",
		Example: importExample,
		Args:    arguments(1, 1),
		RunE: func(command *cobra.Command, args []string) error {
			if flag := command.Flag("namespace"); flag != nil && flag.Changed {
				c.namespace = flag.Value.String()
			}
			return c.run(args[0])
		},
	}
	flags := command.Flags()
	flags.StringVar(&c.name, "name", "", "Name of the networks. Default: that in the file, or of the directory of network.yaml, as far as a resource can have it.")
	flags.StringVar(&c.network, "network", "", "Which network of a networks.json of Polar.")
	flags.BoolVar(&c.strict, "strict", false, "Print no manifest, and end with 2, when a part cannot be imported.")
	return command
}

func (c *imports) run(path string) error {
	source, err := c.source(path)
	if err != nil {
		return err
	}
	result, err := importer.Import(source)
	if err != nil {
		return err
	}
	if c.strict && result.Parts > 0 {
		return invalid.Errorf("with --strict, nothing is printed, since %d parts cannot be imported, the first of them %s", result.Parts, result.NotImported[0])
	}
	if result.Renamed != "" {
		c.note("%s", result.Renamed)
	}
	for _, part := range result.NotImported {
		c.note("Not imported: %s", part)
	}
	if _, err := fmt.Fprint(c.streams.Out, result.Comments()); err != nil {
		return err
	}
	printer := &printers.YAMLPrinter{}
	networks := []metav1.Object{result.Bitcoin}
	if result.Lightning != nil {
		networks = append(networks, result.Lightning)
	}
	for _, network := range networks {
		network.SetNamespace(c.namespace)
		if err := c.printManifest(printer, network); err != nil {
			return err
		}
	}
	return nil
}

// source reads the files.
func (c *imports) source(path string) (importer.Source, error) {
	source := importer.Source{File: path, Name: c.name, Network: c.network}
	if path == "-" {
		source.File = "the input" // which has no directory, so that a network of Warnet without a label needs --name
		data, err := readPiped(source.File, c.streams.In)
		source.Data = data
		return source, err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, warnetNetwork)
	}
	source.File = path
	var err error
	if source.Data, err = readImport(path); err != nil {
		return source, err
	}
	if whole, err := filepath.Abs(path); err == nil {
		source.Folder = filepath.Base(filepath.Dir(whole))
	}
	defaults := filepath.Join(filepath.Dir(path), warnetDefaults)
	if _, err := os.Stat(defaults); filepath.Base(path) != warnetNetwork || errors.Is(err, os.ErrNotExist) {
		return source, nil
	}
	source.Defaults, err = readImport(defaults)
	return source, err
}

func readImport(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // that of the caller
	if errors.Is(err, os.ErrNotExist) {
		return nil, invalid.Errorf("%s does not exist: name an export of Polar, or a network.yaml of Warnet or its directory", path)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return readPiped(path, file)
	}
	return importer.Read(path, file, info.Size())
}

// readPiped reads what has no size of its own. An archive with large files in it is not read so.
func readPiped(name string, from io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(from, importer.MaxSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > importer.MaxSize && importer.IsArchive(data):
		return nil, invalid.Errorf("%s is an archive of more than %d bytes, and one of this size is read from a file only: name the file", name, importer.MaxSize)
	case len(data) > importer.MaxSize:
		return nil, importer.TooLarge(name)
	}
	return importer.Read(name, bytes.NewReader(data), int64(len(data)))
}
