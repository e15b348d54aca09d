package api

import (
	"net/netip"
	"regexp"
	"strings"
)

// maxHost is the limit of a DNS name.
const maxHost = 253

var namePattern = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*$`)

// IsHost reports whether LND's certificate can be valid for a text: a DNS name, or an IP address without a zone. The definition of
// LightningNetworks has the same rule for spec.expose.hosts.
func IsHost(text string) bool {
	if len(text) > maxHost {
		return false
	}
	if address, err := netip.ParseAddr(text); err == nil {
		return address.Zone() == ""
	}
	return namePattern.MatchString(text) && strings.Trim(text, "0123456789.") != ""
}
