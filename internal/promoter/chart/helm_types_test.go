package chart

import (
	"bufio"
	"bytes"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/christianb93/bitcoin-controller/"

// Helm's types change with each of its major versions. Only the packages that call Helm know them, and none passes them on. The
// test reads what the compiler exports of each package.
func TestNoExportedNameHasATypeOfHelms(t *testing.T) {
	exports := exportData(t)
	compiled := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	checked := 0
	for path := range exports {
		if !strings.HasPrefix(path, module) {
			continue
		}
		p, err := compiled.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		checked++
		for _, name := range p.Scope().Names() {
			if o := p.Scope().Lookup(name); o.Exported() {
				for _, use := range helmTypes(o) {
					t.Errorf("%s: %s", path, use)
				}
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d packages were checked", checked)
	}
}

// exportData returns the files with the compiler's export data of all packages of the release tool, and of what they import.
func exportData(t *testing.T) map[string]string {
	t.Helper()
	var stderr strings.Builder
	list := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", module+"internal/promoter/...")
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	files := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if path, file, _ := strings.Cut(lines.Text(), " "); file != "" {
			files[path] = file
		}
	}
	return files
}

// helmTypes lists the exported parts of an object whose type mentions a package of Helm.
func helmTypes(o types.Object) (found []string) {
	add := func(what string, t types.Type) {
		if text := types.TypeString(t, nil); strings.Contains(text, "helm.sh/") {
			found = append(found, what+" "+text)
		}
	}
	name, ok := o.(*types.TypeName)
	if !ok {
		add(o.Name(), o.Type())
		return found
	}
	structure, ok := o.Type().Underlying().(*types.Struct)
	if ok {
		for i := range structure.NumFields() {
			if f := structure.Field(i); f.Exported() || f.Embedded() {
				add(o.Name()+"."+f.Name(), f.Type())
			}
		}
	} else {
		add(o.Name(), o.Type().Underlying())
	}
	if name.IsAlias() {
		add(o.Name(), types.Unalias(o.Type()))
	}
	methods := types.NewMethodSet(types.NewPointer(o.Type()))
	for i := range methods.Len() {
		if m := methods.At(i).Obj(); m.Exported() {
			add(o.Name()+"."+m.Name(), m.Type())
		}
	}
	return found
}

func TestHelmTypesFindsWhatAPackagePassesOn(t *testing.T) {
	helm := types.NewPackage("helm.sh/helm/v3/pkg/chart", "chart")
	metadata := types.NewNamed(types.NewTypeName(token.NoPos, helm, "Metadata", nil), types.NewStruct(nil, nil), nil)
	ours := types.NewPackage("ours", "ours")
	structure := func(field string, embedded bool) types.Object {
		f := types.NewField(token.NoPos, ours, field, types.NewPointer(metadata), embedded)
		name := types.NewTypeName(token.NoPos, ours, "T", nil)
		types.NewNamed(name, types.NewStruct([]*types.Var{f}, nil), nil)
		return name
	}
	for name, c := range map[string]struct {
		object types.Object
		want   int
	}{
		"an embedded type":      {structure("Metadata", true), 1},
		"an exported field":     {structure("Meta", false), 1},
		"a field of its own":    {structure("meta", false), 0},
		"a slice in a variable": {types.NewVar(token.NoPos, ours, "V", types.NewSlice(metadata)), 1},
		"an integer":            {types.NewVar(token.NoPos, ours, "V", types.Typ[types.Int]), 0},
	} {
		if got := helmTypes(c.object); len(got) != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
