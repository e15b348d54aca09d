package lnd

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// RootKey is the id of the key in LND from which the macaroons of people are derived: `lncli deletemacaroonid` with it makes all of them
// worthless, and no other ones.
const RootKey = 20260

// readOnly and all are the permissions of macaroons: those of LND's readonly.macaroon, and those of its admin.macaroon.
var (
	readOnly = []string{
		"address:read", "info:read", "invoices:read", "macaroon:read", "message:read", "offchain:read", "onchain:read", "peers:read", "signer:read",
	}
	all = append([]string{
		"address:write", "info:write", "invoices:write", "macaroon:generate", "macaroon:write", "message:write", "offchain:write", "onchain:write",
		"peers:write", "signer:generate",
	}, readOnly...)
)

// Files are those with which a client reaches a node.
type Files struct{ Certificate, Macaroon string }

// Credentials writes the certificate of a node, and a macaroon of its own, to files that only their owner can read.
func (n *Nodes) Credentials(ctx context.Context, node noderef.Node, dir string, onlyRead bool) (Files, error) {
	permissions := all
	if onlyRead {
		permissions = readOnly
	}
	text, err := n.Cluster.LNCLI(ctx, node.Pod, append([]string{"bakemacaroon", fmt.Sprintf("--root_key_id=%d", RootKey)}, permissions...)...)
	if err != nil {
		return Files{}, err
	}
	macaroon, err := hex.DecodeString(text)
	if err != nil || len(macaroon) == 0 {
		return Files{}, &cluster.NodeError{Pod: node.Pod, Text: "its answer is not a macaroon"}
	}
	certificate, err := n.certificate(ctx, node)
	if err != nil {
		return Files{}, err
	}
	files := Files{Certificate: filepath.Join(dir, node.Pod+".cert"), Macaroon: filepath.Join(dir, node.Pod+".macaroon")}
	for path, content := range map[string][]byte{files.Certificate: certificate, files.Macaroon: macaroon} {
		if err := atomicfile.Write(path, content, 0o600); err != nil {
			return Files{}, fmt.Errorf("the credentials of %s are not written: %w", node.Pod, err)
		}
	}
	return files, nil
}

// handshakeTimeout bounds how long a node takes to show its certificate.
const handshakeTimeout = 30 * time.Second

// certificate reads it from the TLS handshake, since the image has no program that prints a file. The connection is the API server's
// port-forward into the pod: whoever could change it could change the file.
func (n *Nodes) certificate(ctx context.Context, node noderef.Node) ([]byte, error) {
	conn, err := n.Cluster.Dial(ctx, node.Pod, v1.LightningGRPCPort)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // only the handshake is of interest
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	//nolint:gosec // the certificate is what is to be learned
	client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err := client.HandshakeContext(ctx); err != nil {
		return nil, &cluster.NodeError{Pod: node.Pod, Text: "it shows no certificate", Err: err}
	}
	chain := client.ConnectionState().PeerCertificates
	if len(chain) == 0 {
		return nil, &cluster.NodeError{Pod: node.Pod, Err: errors.New("it shows no certificate")}
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[0].Raw}), nil
}
