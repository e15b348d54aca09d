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

// dataLink is the link that the kubelet changes to replace the files of a ConfigMap. Each of them is a link through this one.
const dataLink = "..data"

// configMap is what SlotsDir has.
type configMap struct {
	target target
	perPod int
	// version is where dataLink led; "" without one.
	version string
}

// readConfigMap reads the files of one version: the kubelet may replace the ConfigMap meanwhile, and deletes the replaced version.
func readConfigMap(dir string) (configMap, error) {
	version := versionOf(dir)
	for {
		found, err := readVersion(dir, version)
		current := versionOf(dir)
		if err == nil || current == version {
			return found, err
		}
		version = current
	}
}

func versionOf(dir string) string {
	version, _ := os.Readlink(filepath.Join(dir, dataLink)) //nolint:errcheck // "" without one
	return version
}

func readVersion(dir, version string) (configMap, error) {
	read := func(key string) (int64, error) {
		raw, err := os.ReadFile(filepath.Join(dir, version, key))
		if err != nil {
			return 0, err
		}
		value, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64)
		if err != nil || value < 0 {
			return 0, fmt.Errorf("%s in %s is no number", key, dir)
		}
		return value, nil
	}
	nodes, err1 := read(api.NodesKey)
	perPod, err2 := read(api.NodesPerPodKey)
	revision, err3 := read(api.RevisionKey)
	if err := errors.Join(err1, err2, err3); err != nil {
		return configMap{}, err
	}
	if perPod < 1 {
		return configMap{}, fmt.Errorf("%s in %s is less than 1", api.NodesPerPodKey, dir)
	}
	return configMap{target: target{Nodes: int(nodes), Revision: revision}, perPod: int(perPod), version: version}, nil
}

// readSlots applies the ConfigMap and returns its version.
func (s *supervisor) readSlots() (version string, err error) {
	found, err := readConfigMap(s.SlotsDir)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	first := s.perPod == 0
	s.perPod = found.perPod
	s.mu.Unlock()
	err = s.setTarget(found.target)
	if !errors.Is(err, errOutdated) {
		return found.version, err
	}
	if !first {
		return found.version, nil
	}
	// The target that the operator requested before this container is the newest.
	s.mu.Lock()
	defer s.mu.Unlock()
	return found.version, s.apply()
}

// followSlots applies each change of the ConfigMap after a known version until the context ends.
func (s *supervisor) followSlots(ctx context.Context, known string) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if current := versionOf(s.SlotsDir); current != "" && current == known {
			continue
		}
		version, err := s.readSlots()
		if err != nil {
			s.report(err)
			continue
		}
		known = version
	}
}

func (s *supervisor) report(err error) {
	s.lines.Printf("supervisor: ", "%v", err)
}
