package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/cluster"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
)

// lab is the cluster that a candidate is tested in: one made for it, or one that was there.
type lab struct {
	s          *Session
	kind       *cluster.Kind // nil for a cluster that is not kind's, or not ours to load into
	own        bool
	keep       bool
	kubeconfig string
}

func (l *lab) name() string {
	if l.kind == nil {
		return ""
	}
	return l.kind.Name
}

// clusterFile remembers the cluster of a run, so that the next one can take away what a killed run left.
const clusterFile = "cluster"

// installedFile remembers what a run installed in somebody's cluster, for the same reason.
const installedFile = "installed.json"

// installed is a release in a cluster.
type installed struct{ Kubeconfig, Name, Namespace string }

// claim makes sure that the release, in a cluster that is not the run's own, is this run's to install and to take away.
func (l *lab) claim(ctx context.Context, r cluster.Release) error {
	helm := cluster.Helm{Kubeconfig: l.kubeconfig}
	there, err := helm.Installed(r)
	if err != nil {
		return err
	}
	mine := installed{l.kubeconfig, r.Name, r.Namespace}
	var before installed
	switch {
	case there && (!l.s.recall(installedFile, &before) || before != mine):
		return fmt.Errorf("%w: the cluster has a release %s in namespace %s already, and verify would replace it and take it away; uninstall it, or name another with install.release", ErrInput, r.Name, r.Namespace)
	case there:
		l.s.line("uninstalling %s, which an earlier run left", r.Name)
		if err := helm.Uninstall(ctx, r); err != nil {
			return err
		}
	}
	return l.s.keepJSON(installedFile, mine)
}

func (s *Session) openLab(ctx context.Context, c config.Cluster, r cluster.Release, o VerifyOptions, logs string) (*lab, error) {
	if o.Kubeconfig != "" {
		path, err := filepath.Abs(o.Kubeconfig)
		if err != nil {
			return nil, err
		}
		if _, err := cluster.Connect(path); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInput, err)
		}
		l := &lab{s: s, kubeconfig: path}
		// Images can be loaded when the cluster is one of kind's on this machine.
		if o.ClusterName != "" {
			if l.kind, err = cluster.Find(o.ClusterName, "", func(t string) { s.line("%s", t) }); err != nil {
				return nil, err
			}
		}
		l.keep = o.KeepCluster
		return l, l.claim(ctx, r)
	}
	if err := s.deleteLeftover(); err != nil {
		return nil, err
	}
	name := o.ClusterName
	if name == "" {
		name = cluster.UniqueName(s.Config.Name)
	}
	work, err := filepath.Abs(s.Work)
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(work, "kubeconfig")
	if err := os.Remove(kubeconfig); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	// What is noted is deleted by the next run: never a cluster that somebody else has made.
	there, err := cluster.List()
	if err != nil {
		return nil, err
	}
	if slices.Contains(there, name) {
		return nil, fmt.Errorf("%s: %w; delete it or choose another name", name, cluster.ErrExists)
	}
	if _, err := s.keep(clusterFile, []byte(name)); err != nil {
		return nil, err
	}
	k, err := s.createCluster(ctx, c, name, kubeconfig, logs)
	if errors.Is(err, cluster.ErrExists) {
		return nil, errors.Join(err, os.Remove(filepath.Join(s.Work, clusterFile)))
	}
	if err != nil {
		return nil, err
	}
	return &lab{s: s, kind: k, own: true, keep: o.KeepCluster, kubeconfig: kubeconfig}, nil
}

// deleteLeftover deletes the cluster of a run in this work directory that was killed.
func (s *Session) deleteLeftover() error {
	data, err := os.ReadFile(filepath.Join(s.Work, clusterFile))
	if err != nil {
		return nil
	}
	k, err := cluster.Find(strings.TrimSpace(string(data)), "", nil)
	if errors.Is(err, cluster.ErrNoCluster) {
		return nil
	}
	if err != nil {
		return err
	}
	s.line("deleting the cluster %s, which an earlier run left", k.Name)
	return k.Delete()
}

func (l *lab) load(ctx context.Context, refs []string) error {
	if l.kind == nil {
		return nil
	}
	var wanted []string
	for _, r := range refs {
		if r != "" {
			wanted = append(wanted, r)
		}
	}
	_, err := l.kind.LoadImages(ctx, l.s.Access, wanted...)
	return err
}

func (l *lab) export(ctx context.Context, dir string) error {
	var errs []error
	if l.kind != nil {
		errs = append(errs, l.kind.ExportLogs(filepath.Join(dir, "kind")))
	}
	c, err := cluster.Connect(l.kubeconfig)
	if err == nil {
		err = c.Export(ctx, dir)
	}
	return errors.Join(append(errs, err)...)
}

// close takes away what the test made: its cluster, or what it installed in somebody's.
func (l *lab) close(r cluster.Release) error {
	if l.own {
		if l.keep {
			l.s.line("the cluster %s stays; its kubeconfig is %s", l.kind.Name, l.kubeconfig)
			return nil
		}
		err := l.kind.Delete()
		if err == nil {
			err = os.Remove(filepath.Join(l.s.Work, clusterFile))
		}
		return err
	}
	if l.keep {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := (cluster.Helm{Kubeconfig: l.kubeconfig}).Uninstall(ctx, r); err != nil {
		return err
	}
	return os.Remove(filepath.Join(l.s.Work, installedFile))
}

// readPackage reads a published package and the image that it names, if the configuration finds one there.
func readPackage(data []byte, cfg *config.Config) (*candidate, error) {
	pkg, err := chart.ReadPackage(data)
	if err != nil {
		return nil, err
	}
	c := &candidate{pkg: pkg}
	return c, c.readImage(cfg, false)
}

func (s *Session) createCluster(ctx context.Context, c config.Cluster, name, kubeconfig, logs string) (*cluster.Kind, error) {
	var raw []byte
	if c.Config != "" {
		var err error
		if raw, err = os.ReadFile(s.Config.Path(c.Config)); err != nil {
			return nil, fmt.Errorf("%w: kind's configuration cannot be read: %w", config.ErrInvalid, err)
		}
	}
	start := time.Now()
	k, err := cluster.Create(ctx, cluster.Options{
		Name: name, NodeImage: c.NodeImage, Config: raw, Wait: c.Wait.Or(5 * time.Minute), Kubeconfig: kubeconfig, Log: func(t string) { s.line("%s", t) },
	}, logs)
	if err == nil {
		s.line("cluster %s is ready after %s", name, time.Since(start).Round(time.Second))
	}
	return k, err
}

// CreateCluster makes the cluster of the configuration under this name and loads the images to preload, outside of any
// run; the caller deletes it.
func CreateCluster(ctx context.Context, s *Session, name, kubeconfig string) (*cluster.Kind, error) {
	stage := s.Config.Tester()
	if stage == nil {
		return nil, fmt.Errorf("%w: no stage describes a cluster", config.ErrInvalid)
	}
	path, err := filepath.Abs(kubeconfig)
	if err != nil || s.DryRun {
		return &cluster.Kind{Name: name, Kubeconfig: path}, err
	}
	k, err := s.createCluster(ctx, stage.Verify.Cluster, name, path, filepath.Join(s.Work, "logs"))
	if err != nil {
		return nil, err
	}
	l := &lab{s: s, kind: k, kubeconfig: path}
	if err := l.load(ctx, stage.Verify.Cluster.Preload); err != nil {
		return nil, errors.Join(err, k.Delete())
	}
	return k, nil
}
