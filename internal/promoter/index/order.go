package index

import (
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// order is what the order of versions depends on. An index has ten thousand of them, so that most are read without an allocation.
type order struct {
	valid, pre bool
	core       [3]uint32
	// full is set for a version that is more than three numbers.
	full *semver.Version
}

// newOrder reads a version as Helm does; valid is false if Helm could not read it.
func newOrder(version string) order {
	if o, ok := strict(version); ok {
		return o
	}
	v, err := semver.NewVersion(version)
	if err != nil {
		return order{}
	}
	return order{valid: true, pre: v.Prerelease() != "", full: v}
}

// strict reads X.Y.Z and nothing else. Numbers of up to nine digits cannot overflow.
func strict(version string) (o order, ok bool) {
	rest := version
	for i := range o.core {
		part, after, found := strings.Cut(rest, ".")
		if found != (i < 2) || part == "" || len(part) > 9 || len(part) > 1 && part[0] == '0' {
			return order{}, false
		}
		for _, c := range []byte(part) {
			if c < '0' || c > '9' {
				return order{}, false
			}
			o.core[i] = o.core[i]*10 + uint32(c-'0')
		}
		rest = after
	}
	o.valid = true
	return o, true
}

// compare orders versions as Helm does, invalid ones last.
func (o order) compare(p order) int {
	switch {
	case !o.valid || !p.valid:
		return boolean(o.valid) - boolean(p.valid)
	case o.full != nil || p.full != nil:
		return o.semver().Compare(p.semver())
	}
	return slices.Compare(o.core[:], p.core[:])
}

func (o order) semver() *semver.Version {
	if o.full != nil {
		return o.full
	}
	return semver.New(uint64(o.core[0]), uint64(o.core[1]), uint64(o.core[2]), "", "")
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}
