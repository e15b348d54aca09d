package chart

import "fmt"

// TextAt is the scalar at a path of a document as Helm reads it; "" if it does not exist, is null, or is no scalar.
func TextAt(doc []byte, path string) string {
	values, err := readAsHelm(doc)
	if err != nil {
		return ""
	}
	switch v := Lookup(values, path).(type) {
	case nil, map[string]any, []any:
		return ""
	default:
		return fmt.Sprint(v)
	}
}
