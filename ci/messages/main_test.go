package main

import (
	"slices"
	"testing"
)

func TestTextsOfAGoFile(t *testing.T) {
	const source = `package p
import "errors"
type s struct { F string ` + "`json:\"a b\"`" + ` }
var c = &cobra.Command{Use: "run", Short: "Run all steps"}
func f(name string) error {
	flags.StringVar(&x, "name", "a default", "name of the network")
	if name == "never shown text" || strings.Contains(name, "part of text") { return errors.New("no " + name + " here") }
	switch name { case "compared with": return fmt.Errorf("create %s: %w", name, err) }
	exec.Command("git", "log this")
	log.Info("has started", "key", 1)
	return no(reason, fmt.Sprintf("%d of %d nodes", a, b))
}`
	g := groups{}
	if err := g.addGo("dir", "p.go", []byte(source)); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"E create %s: %w", "E no {name} here", "F name of the network", "H Run all steps", "H run", "L has started", "T %d of %d nodes",
	}
	if got := sorted(g["dir"]); !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestTextsOfScriptsAndOfTheValidation(t *testing.T) {
	g := groups{}
	g.addMatches("scripts", scriptLine, "L", []byte("say 'all is well'\n[[ -e x ]] || die \"no $x\"\nessay 'not this'\n"))
	g.addMatches("api", validation, "T", []byte(`// +kubebuilder:validation:XValidation:rule="a",message="a must be b"`))
	if got := sorted(g["scripts"]); !slices.Equal(got, []string{"L all is well", "L no $x"}) {
		t.Errorf("got %q", got)
	}
	if got := sorted(g["api"]); !slices.Equal(got, []string{"T a must be b"}) {
		t.Errorf("got %q", got)
	}
}
