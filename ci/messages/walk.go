package main

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// addGo adds the texts of one Go file.
func (g groups) addGo(dir, path string, source []byte) error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	ast.Walk(&walker{groups: g, dir: dir, files: files}, file)
	return nil
}

// walker collects the texts below a node of the syntax tree. kind is that of the enclosing call or field.
type walker struct {
	groups groups
	dir    string
	files  *token.FileSet
	kind   string
}

// kinds maps the last name of a called function to the kind of its texts.
var kinds = map[string]string{
	"Errorf": "E", "New": "E", "Error": "L", "Info": "L", "Line": "L", "Step": "L", "Warn": "L", "Fprintf": "L", "Fprintln": "L",
	"Eventf": "T",
}

// helpFields are the fields of a cobra command that its help shows.
var helpFields = map[string]bool{"Use": true, "Short": true, "Long": true, "Example": true}

var flagCall = regexp.MustCompile(`^(String|StringSlice|StringArray|Bool|Int|Duration)(Var)?P?$`)

// Visit implements ast.Visitor.
func (w *walker) Visit(node ast.Node) ast.Visitor {
	switch node := node.(type) {
	case *ast.ImportSpec:
		return nil
	case *ast.Field:
		ast.Walk(w, node.Type) // without the tag
		return nil
	case *ast.CallExpr:
		return w.call(node)
	case *ast.KeyValueExpr:
		if key, ok := node.Key.(*ast.Ident); ok && helpFields[key.Name] {
			return w.with("H")
		}
	case *ast.BinaryExpr:
		return w.binary(node)
	case *ast.BasicLit:
		w.add(node)
	case *ast.CaseClause:
		// The values of a case are compared, not shown.
		for _, statement := range node.Body {
			ast.Walk(w.with(""), statement)
		}
		return nil
	}
	return w
}

func (w *walker) with(kind string) *walker {
	inner := *w
	inner.kind = kind
	return &inner
}

// call finds out what the arguments of a call are.
func (w *walker) call(call *ast.CallExpr) ast.Visitor {
	receiver, name := calledName(call.Fun)
	switch {
	case receiver == "strings" || receiver == "regexp" || receiver == "exec" || receiver == "filepath" || receiver == "bytes":
		// Parts of texts, patterns, commands and paths. What is nested in them can still be a text.
		for _, argument := range call.Args {
			if _, literal := argument.(*ast.BasicLit); !literal {
				ast.Walk(w.with(""), argument)
			}
		}
		return nil
	case name == "MarkDeprecated", flagCall.MatchString(name) && len(call.Args) > 2:
		ast.Walk(w.with("F"), call.Args[len(call.Args)-1])
		return nil
	case name == "New" && receiver != "errors" && receiver != "failure":
		return w.with("")
	case kinds[name] != "":
		return w.with(kinds[name])
	case name == "Sprintf" || name == "Sprint":
		return w
	}
	return w.with("")
}

func calledName(fun ast.Expr) (receiver, name string) {
	switch fun := fun.(type) {
	case *ast.Ident:
		return "", fun.Name
	case *ast.SelectorExpr:
		if ident, ok := fun.X.(*ast.Ident); ok {
			receiver = ident.Name
		}
		return receiver, fun.Sel.Name
	}
	return "", ""
}

// binary joins the parts of a concatenation into one text. Comparisons have none.
func (w *walker) binary(node *ast.BinaryExpr) ast.Visitor {
	switch node.Op {
	case token.ADD:
		var text strings.Builder
		if w.join(&text, node) {
			w.addText(text.String())
			return nil
		}
	case token.EQL, token.NEQ:
		for _, side := range []ast.Expr{node.X, node.Y} {
			if _, literal := side.(*ast.BasicLit); !literal {
				ast.Walk(w.with(""), side)
			}
		}
		return nil
	}
	return w
}

// join appends the text of an expression, and reports whether it has a literal.
func (w *walker) join(text *strings.Builder, expression ast.Expr) bool {
	switch expression := expression.(type) {
	case *ast.BinaryExpr:
		left := w.join(text, expression.X)
		return w.join(text, expression.Y) || left
	case *ast.BasicLit:
		value, err := strconv.Unquote(expression.Value)
		text.WriteString(value)
		return err == nil && expression.Kind == token.STRING
	default:
		text.WriteByte('{')
		var source strings.Builder
		if err := format.Node(&source, w.files, expression); err == nil {
			text.WriteString(source.String())
		}
		text.WriteByte('}')
		// A nested call may have texts of its own.
		ast.Walk(w.with(""), expression)
		return false
	}
}

func (w *walker) add(literal *ast.BasicLit) {
	if value, err := strconv.Unquote(literal.Value); err == nil && literal.Kind == token.STRING {
		w.addText(value)
	}
}

// words are two words in a row, as sentences have them and names, paths and formats do not.
var (
	words  = regexp.MustCompile(`\p{L}[,;:]? \(?[\p{L}%"']`)
	letter = regexp.MustCompile(`\p{L}{2}`)
)

// takesWords reports whether a single word is a text too. In a log line it would be a key.
func (w *walker) takesWords() bool { return w.kind == "E" || w.kind == "H" || w.kind == "F" }

func (w *walker) addText(text string) {
	if !words.MatchString(text) && !(w.takesWords() && letter.MatchString(text)) {
		return
	}
	kind := w.kind
	if kind == "" {
		kind = "T"
	}
	w.groups.add(w.dir, kind, text)
}
