package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// ErrInvalid is the error of a configuration that is missing or wrong.
var ErrInvalid = failure.New(failure.BadInput, "the pipeline's configuration is invalid")

// Load reads a file and validates it; relative paths in it start at root. Errors: ErrInvalid, with file, line and key.
func Load(path, root string, env func(string) string) (*Config, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s does not exist; write one with chart-promoter init, or name another file with --config", ErrInvalid, path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w; name another file with --config", ErrInvalid, err)
	}
	c, err := Parse(data, env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.Root = root
	return c, nil
}

// Parse is Load for the content of a file.
func Parse(data []byte, env func(string) string) (*Config, error) {
	if err := checkKeys(data); err != nil {
		return nil, err
	}
	c, err := decode(data, env)
	if err == nil {
		c.setDefaults()
		err = c.validate()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return c, nil
}

func decode(data []byte, env func(string) string) (*Config, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	if err := expandNode(&doc, env); err != nil {
		return nil, err
	}
	expanded, err := yaml.Marshal(&doc)
	if err != nil {
		return nil, err
	}
	var c Config
	dec := yaml.NewDecoder(bytes.NewReader(expanded))
	dec.KnownFields(true)
	return &c, explainList(dec.Decode(&c))
}

var noList = regexp.MustCompile("line (\\d+): cannot unmarshal !!str `([^`]*)` into \\[\\]string")

// explainList is the error of decoding, with what to write where a text stands for a list, such as a command with its arguments.
func explainList(err error) error {
	if err == nil {
		return nil
	}
	if m := noList.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("line %s: %q is a text where a list is expected; write [%s]", m[1], m[2], strings.Join(strings.Fields(m[2]), ", "))
	}
	return err
}

var unknownKey = regexp.MustCompile(`line (\d+): field (\S+) not found`)

// checkKeys rejects unknown keys: a misspelt guard would guard nothing.
func checkKeys(data []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	err := dec.Decode(&Config{})
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the file is empty", ErrInvalid)
	}
	if err == nil {
		return nil
	}
	// Other errors may be about a variable that is not replaced yet; decode returns them if they remain.
	if m := unknownKey.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("%w: line %s: unknown field %q", ErrInvalid, m[1], m[2])
	}
	return nil
}
