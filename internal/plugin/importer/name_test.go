package importer

import (
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

func TestNamesOfResources(t *testing.T) {
	for name, want := range map[string]string{
		"demo": "demo", "n1-demo": "n1-demo", strings.Repeat("a", 40): strings.Repeat("a", 40), "": "", "--": "", "ä": "",
		"Demo": "demo-8a2cc0", "my net, №2": "my-net---2-f87af4", "7 nodes": "n7-nodes-9de99b", "1 demo": "n1-demo-ebf6d6", "-1-": "n1-a267d6",
		strings.Repeat("a", 32) + "-" + strings.Repeat("b", 9): strings.Repeat("a", 32) + "-7033b7",
		strings.Repeat("1", 41):                                "n" + strings.Repeat("1", 32) + "-7f67ec",
	} {
		if got := resourceName(name); got != want || want != "" && !names.MatchString(got) {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"Demo", "1st", "a-", strings.Repeat("a", 41)} {
		if _, err := Import(Source{Data: []byte(polar("a", "", "")), Name: name}); err == nil || !strings.Contains(err.Error(), "--name") {
			t.Errorf("--name %s: %v", name, err)
		}
	}
	if r := imported(t, Source{Data: []byte(polar("a", "", "")), Name: strings.Repeat("a", 40)}); r.Bitcoin.Name != strings.Repeat("a", 40) {
		t.Errorf("the name is %s", r.Bitcoin.Name)
	}
}

// The manifest of one network would change the other.
func TestTwoNetworksNeverBecomeOne(t *testing.T) {
	became := map[string]string{}
	for _, name := range []string{
		"1 demo", "n1 demo", "n1-demo", "N1-demo", "1-demo", "1 Demo", "demo", "Demo", "demo ", "demo-", "my.net", "my_net", "my-net",
		strings.Repeat("a", 40), strings.Repeat("a", 41), strings.Repeat("a", 40) + "b", strings.Repeat("a", 33),
	} {
		got := resourceName(name)
		if before, taken := became[got]; taken || !names.MatchString(got) {
			t.Errorf("%q becomes %q, as %q does", name, got, before)
		}
		became[got] = name
	}
}

// named is an export of Polar with this name.
func named(name string) Source {
	return Source{Data: []byte(strings.Replace(polar("a", "x@a", ""), `"name":"p"`, `"name":"`+name+`"`, 1))}
}

func TestAnotherNameThanThatInTheFileIsReported(t *testing.T) {
	if text := imported(t, named("demo")).Comments(); strings.Contains(text, "becomes") {
		t.Errorf("the name is the same, and the head has\n%s", text)
	}
	const want = "\n# The name \"1 demo\" becomes n1-demo-ebf6d6: --name sets another one.\n"
	if text := imported(t, named("1 demo")).Comments(); !strings.Contains(text, want) {
		t.Errorf("the head has no %q:\n%s", want, text)
	}
	chosen := named("1 demo")
	chosen.Name = "demo"
	if text := imported(t, chosen).Comments(); strings.Contains(text, "becomes") {
		t.Errorf("the name was chosen, and the head has\n%s", text)
	}
}

func TestANetworkWithoutAPossibleNameNeedsOne(t *testing.T) {
	for name, s := range map[string]Source{
		"東京": named("東京"), "大阪": named("大阪"), "": named(""),
		"市": {Folder: "市", Data: []byte("nodes: [{name: a}]")}, `""`: {Data: []byte("nodes: [{name: a}]")},
	} {
		_, err := Import(s)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: the error is %v", name, err)
		}
		rejected(t, s, "set one with --name")
		s.Name = "tokyo"
		if r := imported(t, s); r.Bitcoin.Name != "tokyo" {
			t.Errorf("with --name, the name is %s", r.Bitcoin.Name)
		}
	}
}

func rejected(t *testing.T, s Source, want string) {
	t.Helper()
	_, err := Import(s)
	if _, wrong := err.(*invalid.Error); !wrong || !strings.Contains(err.Error(), want) { //nolint:errorlint // the exit code depends on it
		t.Errorf("%s\n%s\ngot %v, want an error of invalid input with %q", s.Data, s.Defaults, err, want)
	}
}
