package chart_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/christianb93/bitcoin-controller/internal/operator/cli"
	"github.com/christianb93/bitcoin-controller/internal/operator/resources"
)

// nodeLabels are the labels that the operator gives to the pod of a node.
func nodeLabels(network string) labels.Set {
	return labels.Set(resources.Labels(network))
}

// What the chart writes into the arguments, the program's own flags must understand.
func TestProgramUnderstandsTheArguments(t *testing.T) {
	for name, c := range cases {
		if strings.Contains(c.values, "extraArgs") {
			continue // not the chart's own
		}
		t.Run(name, func(t *testing.T) {
			for what, pod := range pods(t, c.release.objects(t, c.values)) {
				if what == "Deployment of the page" {
					continue // another program: TestTheChartSetsTheFlagsOfServePage
				}
				args := pod.Spec.Containers[0].Args
				command, rest, err := cli.Command().Find(args)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if what == "Pod" && command.Name() != "smoke-test" {
					t.Errorf("the test's pod runs %q", command.Name())
				}
				if err := command.ParseFlags(rest); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				if left := command.Flags().Args(); len(left) > 0 {
					t.Errorf("%s: %v are no flags", what, left)
				}
			}
		})
	}
}

// A flag that the chart does not set would have to be set by extraArgs, which nobody finds.
func TestChartSetsEveryFlag(t *testing.T) {
	args := pods(t, release{}.objects(t, lightningOn+"watchNamespaces: [a]"))["Deployment"].Spec.Containers[0].Args
	outside := []string{"help", "kubeconfig", "namespace", "node-access"} // on a laptop only; the namespace comes by POD_NAMESPACE
	cli.Command().Flags().VisitAll(func(flag *pflag.Flag) {
		if flag.Deprecated != "" {
			return
		}
		set := slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--"+flag.Name+"=") })
		if set == slices.Contains(outside, flag.Name) {
			t.Errorf("--%s is set: %v", flag.Name, set)
		}
	})
}

// The right to hold the lease goes by its name.
func TestLeaseHasTheOperatorsName(t *testing.T) {
	const file = "../../internal/operator/cli/election.go"
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lease := "bitcoin-controller.bitcoincontroller.christianb93.github.com"
	if !strings.Contains(string(code), fmt.Sprintf("%q", lease)) {
		t.Errorf("%s names the lease otherwise than %s, which the chart's Role allows", file, lease)
	}
}
