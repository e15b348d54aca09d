package failure

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// wrapped are the functions that create an error without a kind, since their callers wrap it in one that has a kind, or check the
// argument before.
var wrapped = []string{
	"candidate.readTrailers", "candidate.resolve", "cli.main", "cluster.listImages", "cluster.pullOnce", "cluster.splitErrors", "gitrepo.tag", "helm.HookTests", "helm4.known", "image.describe", "image.ReadFile", "index.decode",
	"index.parseJSON", "index.parts", "version.CheckPrefix", "version.Next",
}

// An error that is created in a function and wraps none would blame this program with exit code 1.
func TestAnErrorWithoutAKindIsCreatedOnlyWhereItIsWrapped(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "config") { // every error of config's checks is wrapped in ErrInvalid
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		names, err := plainErrors(path)
		for _, n := range names {
			found[filepath.Base(filepath.Dir(path))+"."+n] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range found {
		if !slices.Contains(wrapped, name) {
			t.Errorf("%s creates an error without a kind: wrap one that has a kind with %%w, or add it to wrapped if its callers do", name)
		}
	}
	if len(found) < 5 {
		t.Errorf("found %d functions only: the search itself is broken", len(found))
	}
}

// plainErrors are the functions of a file that call errors.New, or fmt.Errorf without %w.
func plainErrors(path string) (names []string, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, err
	}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && isPlain(call) {
				names = append(names, f.Name.Name)
			}
			return true
		})
	}
	return names, nil
}

func isPlain(call *ast.CallExpr) bool {
	switch nameOf(call.Fun) {
	case "errors.New":
		return true
	case "fmt.Errorf":
		text, ok := call.Args[0].(*ast.BasicLit)
		if !ok {
			return false
		}
		format, err := strconv.Unquote(text.Value)
		return err == nil && !strings.Contains(format, "%w")
	}
	return false
}
