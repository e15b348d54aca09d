package main

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

const (
	module   = "github.com/christianb93/bitcoin-controller"
	comments = "internal/promoter/config"
	// id is the address of the published schema.
	id = "https://raw.githubusercontent.com/christianb93/bitcoin-controller/main/docs/pipeline.schema.json"

	// variable matches a text that an environment variable completes; its value is not known to the schema.
	variable = `\$\{`
	name     = `^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$`
	duration = `^([0-9]+([.][0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	goMinor  = `^[0-9]+[.][0-9]+$`
)

// build returns the schema of pipeline.yaml: structure and descriptions from the types, the rest of the validation from rules.
func build() (*jsonschema.Schema, error) {
	r := &jsonschema.Reflector{
		FieldNameTag: "yaml", ExpandedStruct: true, Anonymous: true, RequiredFromJSONSchemaTags: true, Mapper: scalars,
	}
	if err := r.AddGoComments(module, comments, jsonschema.WithFullComment()); err != nil {
		return nil, fmt.Errorf("read the comments of %s: %w", comments, err)
	}
	s := r.Reflect(&config.Config{})
	s.ID, s.Title = id, "chart-promoter pipeline"
	types := map[string]*jsonschema.Schema{"Config": s}
	for name, definition := range s.Definitions {
		types[name] = definition
	}
	for name, t := range types {
		if err := complete(name, t); err != nil {
			return nil, err
		}
	}
	for name, rule := range rules {
		if types[name] == nil {
			return nil, fmt.Errorf("there are rules for %s, which is no type of the configuration", name)
		}
		rule(types[name])
	}
	return s, nil
}

var required = regexp.MustCompile(`(^|\. )Required[.:]`)

// complete makes keys required whose comment starts a sentence with "Required", and joins the lines of comments. Each key needs a
// comment, since the comments are the reference.
func complete(typeName string, t *jsonschema.Schema) error {
	t.Description = oneLine(t.Description)
	for p := t.Properties.Oldest(); p != nil; p = p.Next() {
		p.Value.Description = oneLine(p.Value.Description)
		if p.Value.Description == "" {
			return fmt.Errorf("%s in %s has no comment: write one, it is the reference of the configuration", p.Key, typeName)
		}
		if required.MatchString(p.Value.Description) {
			t.Required = append(t.Required, p.Key)
		}
	}
	return nil
}

// goName is the name of a field or type with which a Go comment begins, and a verb. The reader of a configuration file does not know
// that name.
var goName = regexp.MustCompile(`^[A-Z]\w* (?:(?:is|are) )?([a-z]\w*)`)

// camelCase is a place in such a name where a word begins, as in NodeImage.
var camelCase = regexp.MustCompile(`[a-z][A-Z]`)

func oneLine(comment string) string {
	if m := goName.FindStringSubmatch(comment); m != nil && startsSentence(comment, m[1]) {
		comment = strings.ToUpper(m[1][:1]) + m[1][1:] + comment[len(m[0]):]
	}
	if first, rest, ok := strings.Cut(comment, " "); ok {
		comment = camelCase.ReplaceAllStringFunc(first, func(m string) string { return m[:1] + " " + strings.ToLower(m[1:]) }) + " " + rest
	}
	paragraphs := strings.Split(comment, "\n\n")
	for i := range paragraphs {
		paragraphs[i] = strings.Join(strings.Fields(paragraphs[i]), " ")
	}
	return strings.Join(paragraphs, "\n\n")
}

// startsSentence reports whether a comment reads on after its Go name: "Git is the address", "Page writes a page", but not "Name of".
func startsSentence(comment, next string) bool {
	words := strings.Fields(comment)
	return words[1] == "is" || words[1] == "are" || strings.HasSuffix(next, "s") || next == "define"
}

// scalars are the types that a file writes as a text.
func scalars(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[config.Duration]():
		return text(duration)
	case reflect.TypeFor[config.Names]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}, MinItems: atLeastOne}}}
	case reflect.TypeFor[version.Scheme]():
		return oneOf(string(version.SemVer), string(version.Legacy))
	}
	return nil
}

func commandRules(s *jsonschema.Schema) {
	restrict(s, "command", &jsonschema.Schema{MinItems: atLeastOne})
	restrict(s, "format", oneOf(config.FormatGoJSON))
	property(s, "env").AdditionalProperties = scalarValue()
}

// rules are what the validation of the configuration checks and the types do not show.
var rules = map[string]func(*jsonschema.Schema){
	"Config": func(s *jsonschema.Schema) {
		restrict(s, "name", text(name))
		restrict(s, "stages", &jsonschema.Schema{MinItems: atLeastOne})
	},
	"Stage": func(s *jsonschema.Schema) {
		restrict(s, "name", text(name))
		s.AnyOf = needsOne("build", "verify", "publish")
		s.DependentRequired = map[string][]string{"candidate": {"verify"}, "guards": {"publish"}}
	},
	"Build": func(s *jsonschema.Schema) { s.OneOf = needsOne("image", "images") },
	"Image": func(s *jsonschema.Schema) {
		property(s, "labels").AdditionalProperties = scalarValue()
		property(s, "args").AdditionalProperties = scalarValue()
		property(s, "scalars").AdditionalProperties = &jsonschema.Schema{Type: "object", AdditionalProperties: oneOf(config.ImageValues()...)}
		s.DependentRequired = map[string][]string{"programs": {"package"}, "ldflags": {"package"}, "context": {"dockerfile"}, "args": {"dockerfile"}}
	},
	"Publish": func(s *jsonschema.Schema) { s.OneOf = needsOne("git", "directory", "oci") },
	"Guards": func(s *jsonschema.Schema) {
		restrict(s, "versions", oneOf(config.Releases, config.Prereleases, config.AnyVersion))
		restrict(s, "approvals", &jsonschema.Schema{Minimum: "0"})
	},
	"OwnVersion":  func(s *jsonschema.Schema) { restrict(s, "from", oneOf(config.FromTags, config.FromFile)) },
	"PullRequest": func(s *jsonschema.Schema) { restrict(s, "forge", oneOf(config.Forges()...)) },
	"Verify": func(s *jsonschema.Schema) {
		helm := property(s, "helm")
		helm.UniqueItems = true
		for _, major := range config.HelmMajors() {
			helm.Items.Enum = append(helm.Items.Enum, major)
		}
	},
	"Command": commandRules, "Test": commandRules,
	"CI": func(s *jsonschema.Schema) {
		// YAML reads 1.26 as a number, which the program accepts as it is written.
		version := property(s, "go")
		version.Type, version.OneOf = "", []*jsonschema.Schema{text(goMinor), {Type: "number"}}
		property(s, "env").AdditionalProperties = scalarValue()
	},
	"Fields": func(s *jsonschema.Schema) {
		values := oneOf(config.FieldValues()...)
		s.AdditionalProperties.AdditionalProperties = values
	},
}

var atLeastOne = func() *uint64 { one := uint64(1); return &one }()

func property(s *jsonschema.Schema, key string) *jsonschema.Schema {
	p, ok := s.Properties.Get(key)
	if !ok {
		panic("the configuration has no key " + key + " any more; change the rules of ci/schema")
	}
	return p
}

// restrict adds a condition to a key.
func restrict(s *jsonschema.Schema, key string, to *jsonschema.Schema) {
	p := property(s, key)
	switch {
	case to.AnyOf != nil:
		p.AnyOf = to.AnyOf
	case to.MinItems != nil:
		p.MinItems = to.MinItems
	case to.Minimum != "":
		p.Minimum = to.Minimum
	}
}

// text is a text of a form, or one with a variable.
func text(pattern string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", AnyOf: []*jsonschema.Schema{{Pattern: pattern}, {Pattern: variable}}}
}

// oneOf is one of some texts, or one with a variable. The empty text stands for the default.
func oneOf(values ...string) *jsonschema.Schema {
	enum := make([]any, len(values))
	for i, v := range values {
		enum[i] = v
	}
	return &jsonschema.Schema{Type: "string", AnyOf: []*jsonschema.Schema{{Enum: enum}, {Pattern: variable}}}
}

// scalarValue is a text that YAML may read as something else, as in a map of environment variables.
func scalarValue() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
}

func needsOne(keys ...string) []*jsonschema.Schema {
	list := make([]*jsonschema.Schema, len(keys))
	for i, key := range keys {
		list[i] = &jsonschema.Schema{Required: []string{key}}
	}
	return list
}
