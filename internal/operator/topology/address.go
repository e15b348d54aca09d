package topology

import (
	"net/netip"
	"strconv"
	"strings"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// endpoint is an address as bitcoind writes or accepts it.
type endpoint struct {
	// addr is the IP address, an IPv4 one also if it was written in IPv6 form. It is
	// not valid when a name was given.
	addr netip.Addr
	// bare is true when only the IP address was given.
	bare bool
	// port is empty when none was given.
	port string
}

// dials returns the address and port that bitcoind dials, with its default port on regtest if none was given. It is not valid for a name
// and for a port that is no number.
func (e endpoint) dials() netip.AddrPort {
	port := uint64(v1.P2PPort)
	if e.port != "" {
		var err error
		if port, err = strconv.ParseUint(e.port, 10, 16); err != nil {
			return netip.AddrPort{}
		}
	}
	return netip.AddrPortFrom(e.addr, uint16(port))
}

// reaches reports whether bitcoind connects with the node that listens at an address and port when it dials the endpoint.
func (e endpoint) reaches(at netip.AddrPort) bool {
	return e.addr.IsValid() && e.addr == at.Addr() && e.dials() == at
}

// parseEndpoint parses an address. Text that does not begin with an IP address is a name.
func parseEndpoint(text string) endpoint {
	host, port, ok := splitHost(text)
	if !ok {
		return endpoint{}
	}
	addr, ok := parseIP(host)
	if !ok {
		return endpoint{}
	}
	return endpoint{addr: addr, bare: host == text, port: port}
}

// splitHost separates the host from the port in "10.0.0.1", "10.0.0.1:18444", "fd00::1",
// "[fd00::1]" and "[fd00::1]:18444".
func splitHost(text string) (host, port string, ok bool) {
	if strings.HasPrefix(text, "[") {
		host, rest, closed := strings.Cut(text[1:], "]")
		port, hasPort := strings.CutPrefix(rest, ":")
		return host, port, closed && (hasPort || rest == "")
	}
	first := strings.IndexByte(text, ':')
	if first < 0 || first != strings.LastIndexByte(text, ':') {
		return text, "", true
	}
	return text[:first], text[first+1:], true
}

func parseIP(text string) (netip.Addr, bool) {
	// ParseAddr would allocate an error for every name.
	if text == "" || text[0] > 'f' || !strings.ContainsAny(text, ".:") {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

// canonical returns the canonical text of an address. It returns the given text if that
// is canonical, to avoid an allocation for every node in every reconcile.
func canonical(addr netip.Addr, given string) string {
	var buffer [48]byte
	if text := addr.AppendTo(buffer[:0]); string(text) != given {
		return string(text)
	}
	return given
}
