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

// Split returns the registry of a repository and the path in it. A repository without a registry is Docker Hub's, docker.io.
func Split(repository string) (registry, path string) {
	host, rest, found := strings.Cut(repository, "/")
	if found && (strings.ContainsAny(host, ".:") || host == "localhost") {
		return host, rest
	}
	return "docker.io", repository
}

// Cut returns the parts of a reference; the tag or the digest may be empty.
func Cut(ref string) (repository, tag, digest string) {
	repository, digest, _ = strings.Cut(ref, "@")
	if hasTag(repository) {
		at := strings.LastIndex(repository, ":")
		repository, tag = repository[:at], repository[at+1:]
	}
	return repository, tag, digest
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
