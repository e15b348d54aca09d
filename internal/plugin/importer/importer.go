// Package importer translates the networks of Polar and Warnet, their nodes, connections and channels, into the resources of the operator. It
// opens no files. A file may be hostile: everything that is read has a bound, and everything of it that is shown is quoted.
package importer

import (
	"bytes"
	"strconv"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// MaxSize of a file: some hundred nodes and channels, with the policies of Warnet and the picture of Polar, have less than a quarter of it.
const MaxSize = 4 << 20

// Source is what is translated.
type Source struct {
	// File is the name of the file in messages.
	File string
	Data []byte
	// Defaults is the node-defaults.yaml beside a network.yaml of Warnet, nil without one.
	Defaults []byte
	// Folder is the name of the directory of the file, which is that of a network of Warnet.
	Folder string
	// Network chooses one of a file of Polar with several.
	Network string
	// Name of the resources. Default: the name of the network, as far as a resource can have it; Result.Renamed has the difference.
	Name string
}

// Result are the resources, with what a person has to know of them.
type Result struct {
	Bitcoin *v1.BitcoinNetwork
	// Lightning is nil without LND nodes.
	Lightning *v1.LightningNetwork
	// Renamed is a sentence when the resources have another name than the network in the file, "" otherwise.
	Renamed string
	// Parts is the number of kinds of things that have no place in the resources.
	Parts int
	// NotImported has a short line for each kind, and for all beyond some tens of them. Comments has them in full.
	NotImported []string

	origin             string
	bitcoin, lightning []node
	losses             losses
	size               int // of the files
}

// Import reads a file of Polar or Warnet. Errors are of what is wrong in the file.
func Import(s Source) (*Result, error) {
	if s.Name != "" && !names.MatchString(s.Name) {
		return nil, invalid.Errorf("--name %q is not possible: write at most 40 small letters, digits and '-', beginning with a letter", shorten(s.Name))
	}
	n, err := s.read()
	if err != nil {
		return nil, err
	}
	n.size = len(s.Data) + len(s.Defaults)
	return n.build(s.Name)
}

func (s Source) read() (*network, error) {
	text := bytes.TrimLeft(bytes.TrimPrefix(s.Data, []byte("\ufeff")), " \t\r\n")
	switch {
	case max(len(s.Data), len(s.Defaults)) > MaxSize:
		return nil, TooLarge(s.File)
	case len(text) == 0:
		return nil, invalid.Errorf("%s is empty: name an export of Polar, or the network.yaml of Warnet", s.File)
	case text[0] == '<':
		return nil, invalid.Errorf("%s is a graph as Warnet had them before its charts (GraphML), which is not imported: write it as network.yaml, "+
			"with nodes and addnode", s.File)
	case text[0] == '{':
		return s.polar(text)
	case s.Network != "":
		return nil, invalid.Errorf("%s has one network: leave --network out, which chooses one of those of Polar", s.File)
	}
	return s.warnet()
}

// TooLarge is the error of a file, or of the part of an archive, that is larger than MaxSize.
func TooLarge(file string) error {
	return invalid.Errorf("%s has more than %d bytes, which no network of this size needs: name the export of one network", file, MaxSize)
}

// network is what the formats have in common.
type network struct {
	origin, name       string
	bitcoin, lightning []node
	channels           []channel
	config             v1.Config
	// mining is the time between the blocks of the node miner, 0 without.
	mining time.Duration
	miner  string
	losses losses
	size   int
}

type node struct {
	name string
	// runs is the program and its version, for people; "" when the file has none.
	runs string
	// peers are the names of the nodes that a bitcoind connects to, and backend that of the bitcoind of an LND.
	peers   []string
	backend string
}

// channel has its amounts as they are written.
type channel struct {
	from, to, capacity, push string
	private                  bool
}

// maxShown is the length of a text of the file in a message.
const maxShown = 80

// shorten reads no more than it returns: the text may be as long as the file, and a message about each of its peers shows it again.
func shorten(text string) string {
	count := 0
	for i := range text {
		if count == maxShown {
			return text[:i] + "…"
		}
		count++
	}
	return text
}

// quote shows a text of the file on one line of a comment: YAML takes more characters for the end of a line than a terminal.
func quote(text string) string { return strconv.Quote(shorten(text)) }
