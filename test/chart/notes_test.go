package chart_test

import (
	"os/exec"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func notes(t *testing.T, r release, values string) string {
	t.Helper()
	files, err := r.render(t, values)
	if err != nil {
		t.Fatal(err)
	}
	return files["bitcoin-controller/templates/NOTES.txt"]
}

func TestNotesDescribeWhatToDoNext(t *testing.T) {
	tests := map[string]struct {
		values    string
		want, not []string
	}{
		"defaults": {
			want: []string{"kubectl apply -n bitcoin-system", "helm test bitcoin-controller -n bitcoin-system"},
			not:  []string{"secret:", "crds.", "The operator manages networks in"},
		},
		"watched namespaces": {
			values: "watchNamespaces: [team-a, team-b]",
			want:   []string{"kubectl apply -n team-a", "kubectl get btcnet -n team-a", "networks in team-a, team-b only"},
		},
		"the page": {
			values: "page: {enabled: true}",
			want:   []string{"kubectl port-forward -n bitcoin-system service/bitcoin-controller-page 8443", "--audience bitcoin-controller-page"},
		},
		"no page":                 {not: []string{"live page"}},
		"a default Secret":        {values: "defaultSecret: {enabled: true}", want: []string{"secret: bitcoin-default-secret"}},
		"no test":                 {values: "tests: {enabled: false}", not: []string{"helm test"}},
		"definitions elsewhere":   {values: "crds: {enabled: false}", want: []string{"crds.enabled is false"}},
		"definitions go with it":  {values: "crds: {keep: false}", want: []string{"deletes every bitcoin network"}},
		"no definitions, no keep": {values: "crds: {enabled: false, keep: false}", not: []string{"deletes every bitcoin network"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := notes(t, release{}, test.values)
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("the notes lack %q:\n%s", want, got)
				}
			}
			for _, not := range test.not {
				if strings.Contains(got, not) {
					t.Errorf("the notes have %q:\n%s", not, got)
				}
			}
		})
	}
}

// The notes are pasted into a shell as they stand: the manifest between the ENDs must arrive there as a network.
func TestExampleInTheNotesIsANetwork(t *testing.T) {
	_, script, found := strings.Cut(notes(t, release{}, "defaultSecret: {enabled: true}"), "three nodes:\n")
	if !found {
		t.Fatal("the notes have no example")
	}
	script, _, found = strings.Cut(script, "kubectl wait")
	if !found {
		t.Fatal("the example does not wait")
	}
	stand := "kubectl() { cat; }\n"
	text, err := exec.Command("sh", "-c", stand+script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var network v1.BitcoinNetwork
	if err := yaml.UnmarshalStrict(text, &network); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	if network.Spec.Nodes != 3 || network.Spec.Secret != "bitcoin-default-secret" {
		t.Errorf("the example makes %+v", network.Spec)
	}
}
