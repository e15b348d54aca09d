package chart

import (
	"fmt"
	"strconv"

	yamlv2 "go.yaml.in/yaml/v2"
	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// errChance is the reason why two keys of one text are refused.
type errChance string

func (key errChance) Error() string {
	return fmt.Sprintf("the key %s is there twice, in two types, and Helm reads now one and now the other; keep one: %v", string(key), ErrNotYAML)
}

func (errChance) Unwrap() error { return ErrNotYAML }

func (errChance) Kind() failure.Kind { return failure.BadInput }

// readAsHelm gives what Helm makes of a document, maps with texts as keys. The error is an errChance where it depends on
// chance.
func readAsHelm(doc []byte) (v any, err error) {
	var keys any
	if err := yamlv2.Unmarshal(doc, &keys); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotYAML, err)
	}
	if key, ok := chance(keys); ok {
		return nil, errChance(key)
	}
	if err := sigsyaml.Unmarshal(doc, &v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotYAML, err)
	}
	return v, nil
}

// chance finds a key that stands twice in one map once all keys are texts. Helm's reader makes them so while it walks
// through a Go map, that is in any order.
func chance(v any) (key string, ok bool) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if key, ok = chance(item); ok {
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
			if key, ok = chance(item); ok {
				return key, true
			}
		}
	}
	return "", false
}

// keyText is a key as sigs.k8s.io/yaml writes it.
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

// helmKey is the text that Helm has for a key: 0 for 00, true for on.
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
