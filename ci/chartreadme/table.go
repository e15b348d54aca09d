package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	begin = "<!-- values: begin, generated from values.yaml -->\n"
	end   = "<!-- values: end -->\n"
)

// Replace puts the table between the two marks of the README, which it must have once each and in this order.
func Replace(readme []byte, table string) ([]byte, error) {
	before, rest, found := bytes.Cut(readme, []byte(begin))
	if !found {
		return nil, fmt.Errorf("has no line %q", strings.TrimSpace(begin))
	}
	_, after, found := bytes.Cut(rest, []byte(end))
	if !found {
		return nil, fmt.Errorf("has no line %q after the beginning of the values", strings.TrimSpace(end))
	}
	return bytes.Join([][]byte{before, []byte(begin), []byte(table), []byte(end), after}, nil), nil
}

// Table is one Markdown row for each value that has a comment beginning with `# --`. A value without one is an error,
// unless it is a map all of whose values have their own.
func Table(values []byte) (string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(values, &doc); err != nil {
		return "", err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return "", errors.New("is not one map")
	}
	out := &strings.Builder{}
	out.WriteString("| value | meaning | default |\n|---|---|---|\n")
	if err := rows(out, "", doc.Content[0]); err != nil {
		return "", err
	}
	return out.String(), nil
}

func rows(out *strings.Builder, prefix string, mapping *yaml.Node) error {
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		path := prefix + key.Value
		text := comment(key.HeadComment)
		if text == "" {
			if value.Kind != yaml.MappingNode || len(value.Content) == 0 {
				return fmt.Errorf("line %d: %s has no comment that begins with `# --`", key.Line, path)
			}
			if err := rows(out, path+".", value); err != nil {
				return err
			}
			continue
		}
		def, err := compact(value)
		if err != nil {
			return fmt.Errorf("line %d: %s: %w", key.Line, path, err)
		}
		fmt.Fprintf(out, "| `%s` | %s | `%s` |\n", path, strings.ReplaceAll(text, "|", `\|`), def)
	}
	return nil
}

// comment returns what follows `# --`, as one line.
func comment(head string) string {
	_, text, found := strings.Cut(head, "# -- ")
	if !found {
		return ""
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(strings.TrimPrefix(lines[i], "#"))
	}
	return strings.Join(lines, " ")
}

// compact writes a value in one line: JSON, which is YAML too.
func compact(value *yaml.Node) (string, error) {
	var v any
	if err := value.Decode(&v); err != nil {
		return "", err
	}
	text := &bytes.Buffer{}
	enc := json.NewEncoder(text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.ReplaceAll(strings.TrimSpace(text.String()), "|", `\|`), nil
}
