//go:build linux

package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
)

const (
	// pollInterval of the ConfigMap's files. The operator itself announces changes at once.
	pollInterval = time.Second
	// targetFile in NodesDir has the target that the operator requested: a container that is started again must not go back to that of
	// the ConfigMap.
	targetFile = "target.json"
)

func (s *supervisor) restoreTarget() {
	raw, err := os.ReadFile(filepath.Join(s.NodesDir, targetFile))
	var kept target
	if err == nil && json.Unmarshal(raw, &kept) == nil {
		s.target = kept
	}
}

func (s *supervisor) keepTarget() {
	raw, err := json.Marshal(s.target)
	if err == nil {
		err = atomicfile.Write(filepath.Join(s.NodesDir, targetFile), raw, 0o600)
	}
	if err != nil {
		s.report(err)
	}
}

// readSlots applies the ConfigMap.
func (s *supervisor) readSlots() error {
	read := func(key string) (int64, error) {
		raw, err := os.ReadFile(filepath.Join(s.SlotsDir, key))
		if err != nil {
			return 0, err
		}
		value, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64)
		if err != nil || value < 0 {
			return 0, fmt.Errorf("%s in %s is no number", key, s.SlotsDir)
		}
		return value, nil
	}
	nodes, err1 := read(api.NodesKey)
	perPod, err2 := read(api.NodesPerPodKey)
	revision, err3 := read(api.RevisionKey)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	if perPod < 1 {
		return fmt.Errorf("%s in %s is less than 1", api.NodesPerPodKey, s.SlotsDir)
	}
	s.mu.Lock()
	first := s.perPod == 0
	s.perPod = int(perPod)
	s.mu.Unlock()
	err := s.setTarget(target{Nodes: int(nodes), Revision: revision})
	if !errors.Is(err, errOutdated) {
		return err
	}
	if !first {
		return nil
	}
	// The target that the operator requested before this container is the newest.
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.apply()
}

// followSlots applies each change of the ConfigMap until the context ends.
func (s *supervisor) followSlots(ctx context.Context) {
	// The kubelet replaces the files of a ConfigMap by changing this link.
	link := filepath.Join(s.SlotsDir, "..data")
	known, _ := os.Readlink(link) //nolint:errcheck // "" without one
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		current, err := os.Readlink(link)
		if err == nil && current == known {
			continue
		}
		if err := s.readSlots(); err != nil {
			s.report(err)
			continue
		}
		known = current
	}
}

func (s *supervisor) report(err error) {
	s.lines.write(fmt.Appendf(nil, "supervisor: %v", err))
}
