package importer

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/plugin/invalid"
)

// maxName is the limit of the definitions of both resources, as are the characters.
const maxName = 40

var names = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$`)

// rename returns the name of the resources, and a sentence when it is not that in the file.
func (n *network) rename(given string) (name, renamed string, err error) {
	if given != "" {
		return given, "", nil
	}
	name = resourceName(n.name)
	if name == "" {
		return "", "", invalid.Errorf("%s has no name of which a resource could have a part (letters a to z, digits): set one with --name", n.origin)
	}
	if name != n.name {
		renamed = "The name " + quote(n.name) + " becomes " + name + ": --name sets another one."
	}
	return name, renamed, nil
}

// resourceName is a name that a resource can have, which begins with a letter; "" when nothing is left. One that is not the given one ends with a
// part that depends on all of that: the names of two networks would otherwise become one, and the manifest of the second would change the first.
func resourceName(given string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(given)), "-")
	if name != "" && name[0] <= '9' {
		name = "n" + name
	}
	if name == "" || name == given && len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(given))
	suffix := "-" + hex.EncodeToString(sum[:3])
	return strings.TrimRight(name[:min(len(name), maxName-len(suffix))], "-") + suffix
}
