package image

import "strings"

// Reference writes repository:tag@digest; the tag or the digest may be missing.
func Reference(repository, tag, digest string) string {
	if tag != "" {
		repository += ":" + tag
	}
	if digest != "" {
		repository += "@" + digest
	}
	return repository
}

func beforeAt(ref string) string {
	before, _, _ := strings.Cut(ref, "@")
	return before
}

// hasTag is true for host:5000/path:tag and false for host:5000/path.
func hasTag(ref string) bool {
	before := beforeAt(ref)
	return strings.LastIndex(before, ":") > strings.LastIndex(before, "/")
}
