package recipes

import (
	"fmt"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/plugin/forward"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// LightningPorts are those of each node of a LightningNetwork.
func LightningPorts() []forward.Port {
	return []forward.Port{{Name: "grpc", Port: v1.LightningGRPCPort}, {Name: "rest", Port: v1.LightningRESTPort}}
}

// LightningLines are the lines for an LND whose ports have these addresses, with the files of its certificate and a macaroon.
func LightningLines(addresses map[string]string, certificate, macaroon string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# lncli")
	line("lncli --network=regtest --rpcserver=%s --tlscertpath=%s --macaroonpath=%s getinfo", addresses["grpc"], quote(certificate), quote(macaroon))
	line("# REST")
	line(`curl --silent --cacert %s --header "Grpc-Metadata-macaroon: $(od -An -v -tx1 %s | tr -d ' \n')" https://%s/v1/getinfo`, quote(certificate), quote(macaroon), addresses["rest"])
	return b.String()
}

// quote is a word of a shell.
func quote(word string) string {
	special := func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-", r)
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
