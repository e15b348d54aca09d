package ci

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const prefix = "CHART_PROMOTER_"

// Whoever adds a variable elsewhere would hand it to the tests of every candidate.
func TestNoOtherPackageSpellsAVariable(t *testing.T) {
	for _, root := range []string{"../..", "../../../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir():
				if abs, err := filepath.Abs(path); err == nil && filepath.Base(abs) == "ci" && filepath.Base(filepath.Dir(abs)) == "promoter" || d.Name() == "testdata" {
					return fs.SkipDir
				}
				return nil
			case strings.HasSuffix(path, "_test.go"):
				return nil
			}
			data, err := os.ReadFile(path)
			for i, line := range strings.Split(string(data), "\n") {
				if strings.Contains(line, prefix) {
					t.Errorf("%s:%d spells a variable: add it to ci.Variables and use its constant", path, i+1)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryConstantIsInTheTable(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "variables.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var spelled []string
	ast.Inspect(file, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if name, err := strconv.Unquote(l.Value); err == nil && strings.HasPrefix(name, prefix) && name != prefix {
				spelled = append(spelled, name)
			}
		}
		return true
	})
	var table []string
	for _, v := range Variables {
		table = append(table, v.Name)
	}
	slices.Sort(spelled)
	slices.Sort(table)
	if !slices.Equal(spelled, table) {
		t.Errorf("the constants are %v, the table has %v", spelled, table)
	}
}

func TestTheTemplatesUseVariablesOfTheTableOnly(t *testing.T) {
	files, err := fs.Glob(Templates, "templates/*")
	if err != nil || len(files) != 2*len(Engines) {
		t.Fatalf("templates %v, %v", files, err)
	}
	for _, file := range files {
		data, err := Templates.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.FieldsFunc(string(data), func(r rune) bool { return r != '_' && (r < 'A' || r > 'Z') }) {
			if strings.HasPrefix(word, prefix) && !slices.ContainsFunc(Variables, func(v Variable) bool { return v.Name == word }) {
				t.Errorf("%s: %s is not in the table", file, word)
			}
		}
	}
}

func TestEveryCredentialIsWithheld(t *testing.T) {
	withheld := Withheld()
	for _, v := range Variables {
		if v.Public && v.Needed != "" || v.Public == slices.Contains(withheld, v.Name) {
			t.Errorf("%s: public %v, needed for %q, withheld %v", v.Name, v.Public, v.Needed, withheld)
		}
		for _, secret := range []string{"TOKEN", "PASSWORD", "KEY", "USER"} {
			if v.Public && strings.Contains(v.Name, secret) {
				t.Errorf("%s is public", v.Name)
			}
		}
	}
}

func TestSecretNamesOfAnEngine(t *testing.T) {
	var got []string
	for _, p := range []Purpose{ToRegistry, ToGit} {
		for _, v := range NeededFor(p) {
			got = append(got, v.SecretName("pre-prod"))
		}
	}
	if want := []string{"REGISTRY_USER", "REGISTRY_PASSWORD", "PRE_PROD_TOKEN"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCredentialsComeFromTheEnvironmentAndPrintNothing(t *testing.T) {
	env := func(kv ...string) func(string) string {
		return func(k string) string {
			if i := slices.Index(kv, k); i >= 0 {
				return kv[i+1]
			}
			return ""
		}
	}
	for name, c := range map[string]struct {
		env      func(string) string
		git      GitCredentials
		registry RegistryCredentials
	}{
		"nothing":          {env(), GitCredentials{}, RegistryCredentials{}},
		"users alone":      {env(GitUser, "me", RegistryUser, "me"), GitCredentials{}, RegistryCredentials{}},
		"a token alone":    {env(GitToken, "secret-word"), GitCredentials{"x-access-token", "secret-word"}, RegistryCredentials{}},
		"users and tokens": {env(GitUser, "me", GitToken, "secret-word", RegistryUser, "you", RegistryPassword, "secret-too"), GitCredentials{"me", "secret-word"}, RegistryCredentials{Username: "you", Password: "secret-too"}},
	} {
		git, registry := GitCredentialsFrom(c.env), RegistryCredentialsFrom(c.env)
		if git != c.git || registry != c.registry {
			t.Errorf("%s: other credentials than expected", name)
		}
		if printed := fmt.Sprintf("%v %+v %#v %s %v %+v %#v %s", git, git, git, git, registry, registry, registry, registry); strings.Contains(printed, "secret-") {
			t.Errorf("%s: printed as %s", name, printed)
		}
	}
}
