package failure

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every error of the release tool has a kind: a package's error variables come from New, its error types have a Kind
// method. Without one, the exit code would blame this program.
func TestEveryErrorOfTheReleaseToolHasAKind(t *testing.T) {
	var checked int
	err := filepath.WalkDir("..", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if d.Name() == "testdata" {
			return fs.SkipDir
		}
		packages, missing, err := check(dir)
		checked += packages
		for _, m := range missing {
			t.Error(m)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 50 {
		t.Errorf("found %d errors only: the search itself is broken", checked)
	}
}

func TestTheCheckFindsErrorsWithoutAKind(t *testing.T) {
	count, missing, err := check("testdata/kinds")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"ErrA", "errB", "ErrC", "ErrD", "NoKindError", "stringError"}
	var got []string
	for _, m := range missing {
		got = append(got, strings.Fields(m)[1])
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || count != len(want)+4 {
		t.Errorf("without a kind: %v, want %v; %d errors", got, want, count)
	}
}

// check returns how many errors a directory's package declares, and a sentence for each without a kind.
func check(dir string) (count int, missing []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return 0, nil, err
	}
	fileSet := token.NewFileSet()
	errorTypes, kindTypes := map[string]token.Pos{}, map[string]bool{}
	report := func(name string, pos token.Pos, advice string) {
		missing = append(missing, fmt.Sprintf("%s: %s has no kind: %s", fileSet.Position(pos), name, advice))
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fileSet, name, nil, 0)
		if err != nil {
			return 0, nil, err
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.GenDecl:
				for _, v := range errorVariables(d) {
					count++
					if !v.hasKind {
						report(v.name, v.pos, "declare it with failure.New")
					}
				}
			case *ast.FuncDecl:
				switch receiver := receiverOf(d); {
				case receiver == "":
				case d.Name.Name == "Error" && returns(d, "string"):
					errorTypes[receiver] = d.Pos()
				case d.Name.Name == "Kind" && (returns(d, "failure.Kind") || returns(d, "Kind")):
					kindTypes[receiver] = true
				}
			}
		}
	}
	for name, pos := range errorTypes {
		count++
		if !kindTypes[name] {
			report(name, pos, "give it a method Kind() failure.Kind")
		}
	}
	return count, missing, nil
}

type variable struct {
	name    string
	pos     token.Pos
	hasKind bool
}

// errorVariables finds a declaration's errors by their names (ErrX, errX), their type or the call that creates them.
func errorVariables(d *ast.GenDecl) (found []variable) {
	if d.Tok != token.VAR {
		return nil
	}
	for _, spec := range d.Specs {
		values := spec.(*ast.ValueSpec)
		for i, name := range values.Names {
			var value ast.Expr
			if i < len(values.Values) {
				value = values.Values[i]
			}
			if call := nameOf(value); isError(name.Name) || nameOf(values.Type) == "error" || slices.Contains(creators, call) {
				found = append(found, variable{name.Name, name.Pos(), call == "failure.New()" || call == "New()" || inherits(value)})
			}
		}
	}
	return found
}

var creators = []string{"errors.New()", "fmt.Errorf()", "failure.New()"}

// inherits reports whether an error is another one that is checked where it is declared, or wraps one of its own package.
func inherits(value ast.Expr) bool {
	if call, ok := value.(*ast.CallExpr); ok && nameOf(call) == "fmt.Errorf()" {
		return slices.ContainsFunc(call.Args, func(arg ast.Expr) bool {
			name, ok := arg.(*ast.Ident)
			return ok && isError(name.Name)
		})
	}
	return strings.HasPrefix(nameOf(value), "failure.Err")
}

func isError(name string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(name[:1])+name[1:], "err")
	return ok && rest != "" && rest[:1] == strings.ToUpper(rest[:1])
}

// nameOf spells names, selectors and calls; it gives "" for all other expressions.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return nameOf(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return nameOf(e.Fun) + "()"
	case *ast.StarExpr:
		return nameOf(e.X)
	}
	return ""
}

func receiverOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	return nameOf(f.Recv.List[0].Type)
}

func returns(f *ast.FuncDecl, name string) bool {
	return f.Type.Results != nil && len(f.Type.Results.List) == 1 && nameOf(f.Type.Results.List[0].Type) == name
}
