package agent

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
)

var (
	hostPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$`)
	// textPattern has nothing that lnd.conf or LND itself interprets, as quotes, comments and variables.
	textPattern = regexp.MustCompile(`^[A-Za-z0-9+/=_.~-]{1,256}$`)
)

// validate reports why a backend cannot be written to lnd.conf.
func validate(b api.Backend) error {
	polls := b.ZMQRawBlockPort == 0 && b.ZMQRawTxPort == 0
	switch {
	case !hostPattern.MatchString(b.Host):
		return errors.New("the host is neither an address nor a name")
	case !isPort(b.RPCPort):
		return errors.New("the port of RPC is not between 1 and 65535")
	case !textPattern.MatchString(b.User) || !textPattern.MatchString(b.Password):
		return errors.New("user and password must have letters, digits and +/=_.~- only")
	case !polls && (!isPort(b.ZMQRawBlockPort) || !isPort(b.ZMQRawTxPort)):
		return errors.New("both ports of ZMQ are required, or none")
	case !polls && b.ZMQRawBlockPort == b.ZMQRawTxPort:
		return errors.New("LND needs two different ports of ZMQ")
	}
	hosts := certificateHosts(b)
	if len(hosts) > api.MaxCertificateHosts {
		return fmt.Errorf("the certificate cannot have more than %d names and addresses", api.MaxCertificateHosts)
	}
	if slices.ContainsFunc(hosts, func(host string) bool { return !api.IsHost(host) }) {
		return errors.New("a host of the certificate is neither an address nor a name")
	}
	return nil
}

// certificateHosts are the names and addresses for LND's certificate that a backend has.
func certificateHosts(b api.Backend) []string {
	if b.CertificateHosts == "" {
		return nil
	}
	return strings.Split(b.CertificateHosts, ",")
}

func isPort(port int) bool { return port > 0 && port <= 65535 }

// at is the address of a port of a backend.
func at(b api.Backend, port int) string { return net.JoinHostPort(b.Host, strconv.Itoa(port)) }

// confOf returns lnd.conf with a backend, from the one of the ConfigMap. LND leaves a certificate that is not its own as it is: with
// tlsautorefresh it would replace it by one with exactly the names and addresses of the configuration.
func confOf(text string, ordinal int, b api.Backend, usersPair bool) string {
	var out strings.Builder
	out.WriteString(strings.TrimRight(strings.ReplaceAll(text, api.Ordinal, strconv.Itoa(ordinal)), "\n"))
	for _, host := range certificateHosts(b) {
		option := "tlsextradomain"
		if net.ParseIP(host) != nil {
			option = "tlsextraip"
		}
		fmt.Fprintf(&out, "\n%s=%s", option, host)
	}
	if usersPair {
		out.WriteString("\ntlsautorefresh=false")
	}
	fmt.Fprintf(&out, "\n\n[Bitcoind]\nbitcoind.rpchost=%s\nbitcoind.rpcuser=%s\nbitcoind.rpcpass=%s\n", at(b, b.RPCPort), b.User, b.Password)
	if b.ZMQRawBlockPort == 0 {
		// LND's own intervals are ten seconds and a minute.
		out.WriteString("bitcoind.rpcpolling=true\nbitcoind.blockpollinginterval=1s\nbitcoind.txpollinginterval=3s\n")
		return out.String()
	}
	fmt.Fprintf(&out, "bitcoind.zmqpubrawblock=tcp://%s\nbitcoind.zmqpubrawtx=tcp://%s\n", at(b, b.ZMQRawBlockPort), at(b, b.ZMQRawTxPort))
	return out.String()
}
