package lightningtest

import "strings"

// Hosts are texts for spec.expose.hosts, and whether they are valid: for the tests of the definition, of the plugin and of the agent, which
// must agree.
var Hosts = map[string]bool{
	"lnd.example.com": true, "localhost": true, "LND-1.Example": true, "1.example": true, "a": true, "fade": true, strings.Repeat("a", 253): true,
	"": false, "lnd.example.com.": false, ".example.com": false, "a..b": false, "-a": false, "a-": false, "a_b": false, "*.example.com": false, "a b": false,
	"lnd.example.com:10009": false, "https://lnd.example.com": false, "a\nno-macaroons=true": false, "a,b": false, "ä": false, strings.Repeat("a", 254): false,

	"192.0.2.1": true, "0.0.0.0": true, "255.255.255.255": true,
	"192.0.2.300": false, "192.168.001.1": false, "192.0.2": false, "192.0.2.1.1": false, "1": false, "192.0.2.1:10009": false, "192.0.2.1/24": false,

	"::": true, "::1": true, "fe80::": true, "fd00::1": true, "FD00::A": true, "2001:db8:0:0:0:0:0:1": true, "2001:db8::1:0:0:1": true,
	"1:2:3:4:5:6:7::": true, "::2:3:4:5:6:7:8": true, "1:2:3:4::6:7:8": true, "::192.0.2.1": true, "::ffff:192.0.2.1": true, "64:ff9b::192.0.2.1": true,
	"1:2:3:4:5:6:192.0.2.1": true, "1:2:3:4:5::192.0.2.1": true,
	"1:2:3": false, "1:2:3:4:5:6:7": false, "1:2:3:4:5:6:7:8:9": false, ":": false, ":::": false, "1:::2": false, "1::2::3": false, "::1::": false,
	":1:2:3:4:5:6:7": false, "1:2:3:4:5:6:7:": false, ":1::2": false, "1::2:": false, "1:2:3:4:5:6:7:8::": false, "::1:2:3:4:5:6:7:8": false,
	"1:2:3:4::5:6:7:8": false, "12345::": false, "::g": false, "[fd00::1]": false, "fe80::1%eth0": false, "fd00::/8": false, "::192.0.2.300": false,
	"::192.0.2.01": false, "::192.0.2": false, "::192.0.2.1.1": false, "192.0.2.1::": false, "::192.0.2.1:1": false, "1:192.0.2.1": false,
	"1:2:3:4:5:6:7:192.0.2.1": false, "1:2:3:4:5:6::192.0.2.1": false, "::192.0.2.1.": false, "::.": false,
}
