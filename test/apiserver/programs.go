package apiserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	etcd              = "etcd"
	// assetsVariable is envtest's own variable.
	assetsVariable = "KUBEBUILDER_ASSETS"
)

var errNoPrograms = errors.New("the tests with an API server need " + apiServer + ", " + controllerManager + " and " + etcd +
	": ci/kindnode/programs.sh compiles them, or set " + assetsVariable + " to a directory with the three")

// findPrograms returns a directory with the programs of a control plane: KUBEBUILDER_ASSETS, or links in the given directory to those
// that ci/kindnode has compiled, in one binary for all of Kubernetes.
func findPrograms(links string) (string, error) {
	if dir := os.Getenv(assetsVariable); dir != "" {
		for _, program := range []string{apiServer, controllerManager, etcd} {
			if _, err := os.Stat(filepath.Join(dir, program)); err != nil {
				return "", fmt.Errorf("%w; %s is %s, which has no %s", errNoPrograms, assetsVariable, dir, program)
			}
		}
		return dir, nil
	}
	compiled, err := newestCompiled()
	if err != nil {
		return "", err
	}
	for link, program := range map[string]string{apiServer: "kube", controllerManager: "kube", etcd: "etcd"} {
		if err := os.Symlink(filepath.Join(compiled, program), filepath.Join(links, link)); err != nil {
			return "", err
		}
	}
	return links, nil
}

// newestCompiled is the directory in the cache with the programs that were compiled last.
func newestCompiled() (string, error) {
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(home, ".cache")
	}
	// Twelve hexadecimal digits; an unfinished directory has a longer name.
	found, err := filepath.Glob(filepath.Join(cache, "bitcoin-controller", "bin", "kube-????????????"))
	if err != nil {
		return "", err
	}
	newest, at := "", int64(0)
	for _, dir := range found {
		info, err := os.Stat(filepath.Join(dir, "kube"))
		if err == nil && info.ModTime().UnixNano() > at {
			newest, at = dir, info.ModTime().UnixNano()
		}
	}
	if newest == "" {
		return "", errNoPrograms
	}
	return newest, nil
}
