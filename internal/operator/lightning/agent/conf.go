package agent

import (
	"errors"
	"fmt"
	"net"
	"regexp"
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
	return nil
}

func isPort(port int) bool { return port > 0 && port <= 65535 }

// at is the address of a port of a backend.
func at(b api.Backend, port int) string { return net.JoinHostPort(b.Host, strconv.Itoa(port)) }

// confOf returns lnd.conf with a backend, from the one of the ConfigMap.
func confOf(text string, ordinal int, b api.Backend) string {
	var out strings.Builder
	out.WriteString(strings.TrimRight(strings.ReplaceAll(text, api.Ordinal, strconv.Itoa(ordinal)), "\n"))
	fmt.Fprintf(&out, "\n\n[Bitcoind]\nbitcoind.rpchost=%s\nbitcoind.rpcuser=%s\nbitcoind.rpcpass=%s\n", at(b, b.RPCPort), b.User, b.Password)
	if b.ZMQRawBlockPort == 0 {
		// LND's own intervals are ten seconds and a minute.
		out.WriteString("bitcoind.rpcpolling=true\nbitcoind.blockpollinginterval=1s\nbitcoind.txpollinginterval=3s\n")
		return out.String()
	}
	fmt.Fprintf(&out, "bitcoind.zmqpubrawblock=tcp://%s\nbitcoind.zmqpubrawtx=tcp://%s\n", at(b, b.ZMQRawBlockPort), at(b, b.ZMQRawTxPort))
	return out.String()
}
