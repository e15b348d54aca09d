//go:build e2e

package lifecycle

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/action"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// A release with default values: installed, tested by itself, used, uninstalled, installed again.
func TestWithDefaultsAReleaseComesGoesAndComesBack(t *testing.T) {
	const space = "people"
	r := newRelease(t, "bitcoin-system", space)
	before := objects(t)
	chart, plain := candidate(t), values(t, "")
	r.install(chart, plain)

	r.testsItself(r.test)
	r.testsItself(helm4{r}.test)
	n := createNetwork(t, space, "kept", v1.BitcoinNetworkSpec{Nodes: 2})
	n.ready(2)
	n.mine(3)
	n.reaches(3, 2)
	lives, own := n.lives(2), in(space, objects(t))
	delete(own, "ConfigMap "+space+"/kube-root-ca.crt")
	r.uninstall()

	after := r.leftAfterUninstall(before, space)
	rest := in(space, after)
	delete(rest, "ConfigMap "+space+"/kube-root-ca.crt")
	if !maps.Equal(own, rest) {
		t.Errorf("uninstall changes what belongs to networks: gone %v, new %v", added(rest, own), added(own, rest))
	}

	// Without an operator the nodes go on by themselves.
	n.mine(2)
	eventually(t, "the blocks to reach the other node", func() error {
		if height, err := n.exec(1, "", "getblockcount"); err != nil || height != "5" {
			return errors.Join(err, errors.New("it has "+height))
		}
		return nil
	})

	r.rejectsAnotherName(plain)
	r.install(chart, plain)
	n.reaches(5, 2)
	n.scale(3)
	n.ready(3)
	n.meshed(3)
	if now := n.lives(2); !slices.Equal(lives, now) {
		t.Errorf("installing again restarted nodes: %v before, %v now", lives, now)
	}
}

// testsItself runs `helm test`, after which nothing of the test may be left.
func (r *release) testsItself(test func() error) {
	r.Helper()
	installed := objects(r.T)
	if err := test(); err != nil {
		r.Fatalf("helm test: %v", err)
	}
	eventually(r.T, "nothing of the test to be left", func() error {
		if left := added(installed, objects(r.T)); len(left) > 0 {
			return errors.New(strings.Join(left, ", "))
		}
		return nil
	})
}

func (r *release) test() error {
	r.Helper()
	a := action.NewReleaseTesting(r.helm())
	a.Namespace, a.Timeout = r.namespace, helmTimeout
	_, err := a.Run(releaseName)
	return err
}

// leftAfterUninstall waits until nothing of the release is left but what the chart's README lists, and returns all objects of the
// cluster. Those in the namespace of the networks do not count.
func (r *release) leftAfterUninstall(before map[string]string, space string) (after map[string]string) {
	r.Helper()
	leftByUs := []string{
		"CustomResourceDefinition /" + definition,
		"Lease bitcoin-system/" + lease,
		"Namespace /bitcoin-system",
		"Secret bitcoin-system/" + masterKey,
	}
	leftByKubernetes := []string{"ConfigMap bitcoin-system/kube-root-ca.crt", "ServiceAccount bitcoin-system/default"}
	want := slices.Sorted(slices.Values(slices.Concat(leftByUs, leftByKubernetes)))
	eventually(r.T, "nothing to be left but what should be", func() error {
		after = objects(r.T)
		if left := added(before, after, space); !slices.Equal(left, want) {
			return fmt.Errorf("uninstall leaves\n%s\nand should leave\n%s", strings.Join(left, "\n"), strings.Join(want, "\n"))
		}
		return nil
	})
	readme := whatStays(r.T)
	for _, object := range leftByUs {
		if name := object[strings.Index(object, "/")+1:]; !strings.Contains(readme, strings.Replace(name, r.namespace, "<namespace>", 1)) {
			r.Errorf("the chart's README does not list that %s stays", object)
		}
	}
	return after
}

// rejectsAnotherName checks that a release with another name takes over what an uninstalled release left only with --take-ownership.
func (r *release) rejectsAnotherName(values map[string]any) {
	r.Helper()
	for _, take := range []bool{false, true} {
		a := r.installer()
		a.ReleaseName, a.DryRun, a.DryRunOption, a.TakeOwnership = "another", true, "server", take
		_, err := a.RunWithContext(r.Context(), candidate(r.T), values)
		if take && err != nil {
			r.Errorf("with --take-ownership: %v", err)
		}
		if !take && (err == nil || !strings.Contains(err.Error(), definition)) {
			r.Errorf("another release is not rejected because of the definition: %v", err)
		}
	}
}

// whatStays is the table in the chart's README of what uninstalling leaves.
func whatStays(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "charts/bitcoin-controller/README.md"))
	ok(t, err)
	_, rest, found := strings.Cut(string(text), "These stay:")
	table, _, ended := strings.Cut(rest, "\n## ")
	if !found || !ended {
		t.Fatal("the chart's README has no table of what stays")
	}
	return table
}
