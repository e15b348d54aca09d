package cli

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"

	"k8s.io/client-go/util/cert"
)

// certificates are those of a directory, which may be renewed. A pair that cannot be used, such as one of which only half has been written,
// does not replace the last good one.
type certificates struct {
	directory string
	failed    func(error)

	mu   sync.Mutex
	last *tls.Certificate
	err  string
}

// read loads the pair, and reports an error once until the files change again.
func (c *certificates) read() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(c.directory, "tls.crt"), filepath.Join(c.directory, "tls.key"))
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.last, c.err = &pair, ""
	case c.last == nil:
		return nil, fmt.Errorf("%s has no certificate with its key, tls.crt and tls.key: check the Secret (%w)", c.directory, err)
	case err.Error() != c.err:
		c.err = err.Error()
		c.failed(fmt.Errorf("%s has no certificate with its key any more; the page continues with the last one: check the Secret (%w)", c.directory, err))
	}
	return c.last, nil
}

// certificate returns the certificate for a connection: that of the directory, which may be renewed, or one for this process.
func (p *servePage) certificate(failed func(error)) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	if p.tls != "" {
		pairs := &certificates{directory: p.tls, failed: failed}
		_, err := pairs.read()
		return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pairs.read() }, err
	}
	public, private, err := cert.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(public, private)
	if err != nil {
		return nil, errors.New("the certificate that was created does not work: " + err.Error())
	}
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }, nil
}

// withoutHandshakes leaves connections that end before they are secure out of a server's log: probes and scanners would fill it.
type withoutHandshakes struct{ to io.Writer }

func (w withoutHandshakes) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("TLS handshake error")) {
		return len(line), nil
	}
	return w.to.Write(line)
}
