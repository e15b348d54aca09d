//go:build linux

package supervisor

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

// linkHome makes the first node's configuration that of bitcoin-cli without arguments, whose home directory is NodesDir.
func (s *supervisor) linkHome() error { return link("0", filepath.Join(s.NodesDir, ".bitcoin")) }

// linkData makes the first node that of bitcoin-cli with the pod's bitcoin.conf, which has its port: its cookie is in regtest below the
// pod's data directory, as in a pod with one node. Not every volume has links, and the nodes need none.
func (s *supervisor) linkData() {
	podDir, found := valueIn(s.podConf, "datadir")
	if !found {
		return // the nodes report it
	}
	const chain = "regtest"
	first, err := filepath.Rel(podDir, filepath.Join(api.DataDir(podDir, 0), chain))
	if err == nil {
		err = os.MkdirAll(podDir, 0o750)
	}
	if err == nil {
		err = link(first, filepath.Join(podDir, chain))
	}
	if err != nil {
		s.report(err)
	}
}

// link creates a link unless its path exists.
func link(target, path string) error {
	if err := os.Symlink(target, path); !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}
