package chart

import (
	"fmt"
	"strconv"

	yamlv2 "go.yaml.in/yaml/v2"
	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// errAmbiguousKey is a key that occurs twice in one map, as two types with the same text.
type errAmbiguousKey string

func (key errAmbiguousKey) Error() string {
	return fmt.Sprintf("the key %s exists twice, in two types, and Helm picks one at random; keep one: %v", string(key), ErrNotYAML)
}

func (errAmbiguousKey) Unwrap() error { return ErrNotYAML }

func (errAmbiguousKey) Kind() failure.Kind { return failure.BadInput }

// readAsHelm parses a document as Helm does, with strings as the keys of maps. The error is an errAmbiguousKey where the result
// would be random.
func readAsHelm(doc []byte) (v any, err error) {
	var keys any
	if err := yamlv2.Unmarshal(doc, &keys); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotYAML, err)
	}
	if key, ok := ambiguousKey(keys); ok {
		return nil, errAmbiguousKey(key)
	}
	if err := sigsyaml.Unmarshal(doc, &v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotYAML, err)
	}
	return v, nil
}

// ambiguousKey finds a key that occurs twice in one map once all keys are strings. Helm's reader converts keys while it
// iterates over a Go map, that is in random order.
func ambiguousKey(v any) (key string, ok bool) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if key, ok = ambiguousKey(item); ok {
				return key, true
			}
		}
	case map[any]any:
		seen := make(map[string]bool, len(v))
		for k, item := range v {
			text := keyText(k)
			if seen[text] {
				return text, true
			}
			seen[text] = true
			if key, ok = ambiguousKey(item); ok {
				return key, true
			}
		}
	}
	return "", false
}

// keyText converts a key to a string as sigs.k8s.io/yaml does.
func keyText(key any) string {
	f, ok := key.(float64)
	if !ok {
		return fmt.Sprint(key)
	}
	text := strconv.FormatFloat(f, 'g', -1, 32)
	if special, ok := map[string]string{"+Inf": ".inf", "-Inf": "-.inf", "NaN": ".nan"}[text]; ok {
		return special
	}
	return text
}

// helmKey is the string that Helm reads for a key: 0 for 00, true for on.
func helmKey(key *yaml.Node) string {
	if key.Style != 0 { // quoted, or with a tag
		return key.Value
	}
	var read struct{ V any }
	if err := yamlv2.Unmarshal([]byte("v: "+key.Value), &read); err != nil {
		return key.Value
	}
	return keyText(read.V)
}
