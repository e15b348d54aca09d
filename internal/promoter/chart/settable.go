package chart

import "errors"

// IsSettable reports whether Edit can change the field at a path of a document. Errors: ErrNotYAML.
func IsSettable(doc []byte, path string) (bool, error) {
	err := Settable(doc, path)
	if errors.Is(err, ErrNotYAML) {
		return false, err
	}
	return err == nil, nil
}
