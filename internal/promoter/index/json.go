package index

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// jsonForm is an index written by `helm repo index --json`, which Helm reads
// several times faster than other YAML.
type jsonForm struct {
	keys    []string // top-level keys in their order
	values  map[string]json.RawMessage
	compact bool
}

func parseJSON(index []byte) (*file, error) {
	corrupt := func(err error) error { return fmt.Errorf("%w: %w", ErrCorrupt, err) }
	f := &jsonForm{values: map[string]json.RawMessage{}, compact: !bytes.Contains(bytes.TrimSpace(index), []byte("\n"))}
	file := &file{form: f}
	err := members(index, func(key string, raw json.RawMessage) error {
		if f.values[key] != nil {
			return fmt.Errorf("%q exists twice", key)
		}
		f.keys = append(f.keys, key)
		f.values[key] = raw
		return nil
	})
	if err != nil {
		return nil, corrupt(err)
	}
	if f.values["apiVersion"] == nil {
		return nil, corrupt(errNoAPIVersion)
	}
	entries, ok := f.values["entries"]
	if !ok {
		f.keys = append(f.keys, "entries")
	}
	if !ok || string(entries) == "null" {
		return file, nil
	}
	names := map[string]bool{}
	err = members(entries, func(name string, raw json.RawMessage) error {
		if names[name] {
			return fmt.Errorf("chart %q exists twice", name)
		}
		names[name] = true
		c := &chartEntries{name: name}
		if string(raw) != "null" {
			if err := parts(raw, '[', c.addJSON); err != nil {
				return err
			}
		}
		c.wasEmpty = len(c.items) == 0
		file.charts = append(file.charts, c)
		return nil
	})
	if err != nil {
		return nil, corrupt(err)
	}
	return file, nil
}

func (c *chartEntries) addJSON(raw []byte) error {
	var version, digest string
	err := members(raw, func(key string, value json.RawMessage) (err error) {
		switch key {
		case "version":
			version, err = text(value)
		case "digest":
			digest, err = text(value)
		}
		return err
	})
	c.items = append(c.items, newItem(raw, version, digest))
	return err
}

// members visits the members of an object of valid JSON in their order, which a map would
// lose, and without decoding the values: most entries of a large index are
// only copied.
func members(object []byte, each func(key string, value json.RawMessage) error) error {
	return parts(object, '{', func(part []byte) error {
		end := valueEnd(part)
		key, err := text(part[:end])
		if err != nil {
			return err
		}
		value := bytes.TrimLeft(part[end:], " \t\r\n")
		return each(key, bytes.TrimLeft(value[1:], " \t\r\n")) // after the colon
	})
}

// text decodes a JSON string. Most strings have no escapes.
func text(raw []byte) (s string, err error) {
	if n := len(raw) - 1; n > 0 && raw[0] == '"' && !bytes.ContainsRune(raw, '\\') {
		return string(raw[1:n]), nil
	}
	return s, json.Unmarshal(raw, &s)
}

// parts splits the content of a JSON object or list at its commas. The text must be valid JSON.
func parts(text []byte, open byte, each func(part []byte) error) error {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || text[0] != open {
		return fmt.Errorf("found %.20q instead of %c", text, open)
	}
	for at := 1; at < len(text); {
		end := at
		for end < len(text)-1 && text[end] != ',' {
			end += valueEnd(text[end:])
		}
		if part := bytes.TrimSpace(text[at:end]); len(part) > 0 {
			if err := each(part); err != nil {
				return err
			}
		}
		at = end + 1
	}
	return nil
}

// valueEnd is the length of the string, object or list that text begins with,
// 1 for anything else.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

func (f *jsonForm) encode(e Entry, _ *chartEntries) ([]byte, error) { return json.Marshal(e) }

func (f *jsonForm) decode(raw []byte) (*Entry, error) {
	var e Entry
	return &e, json.Unmarshal(raw, &e)
}

func (f *jsonForm) touch(t time.Time) {
	var old time.Time
	if raw, ok := f.values["generated"]; ok && json.Unmarshal(raw, &old) == nil && t.After(old) {
		f.values["generated"], _ = json.Marshal(t)
	}
}

func (f *jsonForm) print(charts []*chartEntries) Text {
	var out bytes.Buffer
	open := byte('{')
	for _, key := range f.keys {
		out.WriteByte(open)
		open = ','
		writeKey(&out, key)
		if key != "entries" {
			out.Write(f.values[key])
			continue
		}
		out.WriteByte('{')
		first := true
		for _, c := range charts {
			if len(c.items) == 0 && !c.wasEmpty {
				continue
			}
			if !first {
				out.WriteByte(',')
			}
			first = false
			writeKey(&out, c.name)
			out.WriteByte('[')
			for i, item := range c.items {
				if i > 0 {
					out.WriteByte(',')
				}
				out.Write(item.raw)
			}
			out.WriteByte(']')
		}
		out.WriteByte('}')
	}
	out.WriteByte('}')
	var text bytes.Buffer
	if f.compact {
		_ = json.Compact(&text, out.Bytes())
	} else {
		_ = json.Indent(&text, out.Bytes(), "", "  ") // its parts were all valid
	}
	return Text{text.Bytes()}
}

func writeKey(out *bytes.Buffer, key string) {
	quoted, _ := json.Marshal(key)
	out.Write(quoted)
	out.WriteByte(':')
}
