package agent

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/operator/lightning/api"
	"github.com/christianb93/bitcoin-controller/internal/operator/truncate"
)

// maxAnswerBytes limits an answer of LND: 500 channels have less than a megabyte.
const maxAnswerBytes = 8 << 20

// lnd calls LND's REST interface, with its admin macaroon, and trusts its own certificate only. Both are read when they are needed: LND
// creates them at its first start.
type lnd struct {
	base, dir string
	http      *http.Client
}

func newLND(address, dir string) *lnd {
	l := &lnd{base: "https://" + address, dir: dir}
	l.http = &http.Client{
		Transport: &http.Transport{
			// Never a proxy, which would receive the macaroon.
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyPeerCertificate: l.verify}, //nolint:gosec // verify compares the certificate
			MaxIdleConnsPerHost: 8, IdleConnTimeout: 5 * time.Second, TLSHandshakeTimeout: 5 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return l
}

// verify compares the certificate of the server with the file: it is valid also when its time is over, since LND renews it only at a
// start.
func (l *lnd) verify(raw [][]byte, _ [][]*x509.Certificate) error {
	text, err := os.ReadFile(filepath.Join(l.dir, "tls.cert"))
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil || len(raw) == 0 || !bytes.Equal(block.Bytes, raw[0]) {
		return errors.New("the certificate is not the one in LND's directory")
	}
	return nil
}

// lndError is an answer of LND with an error.
type lndError struct {
	status  int
	message string
}

func (e *lndError) Error() string { return e.message }

// errNoAnswer means that it is unknown what became of a request.
var errNoAnswer = errors.New("LND does not answer")

// stateOf returns LND's state, for which it requires no macaroon.
func (l *lnd) stateOf(ctx context.Context) (string, error) {
	var answer struct{ State string }
	err := l.do(ctx, "", http.MethodGet, "/v1/state", nil, &answer)
	return answer.State, err
}

// call sends a request and decodes the answer. Errors: *lndError, errNoAnswer.
func (l *lnd) call(ctx context.Context, method, path string, request, result any) error {
	macaroon, err := os.ReadFile(filepath.Join(l.dir, "data", "chain", "bitcoin", "regtest", "admin.macaroon"))
	if err != nil {
		return &lndError{status: http.StatusServiceUnavailable, message: "LND has no macaroon yet"}
	}
	return l.do(ctx, hex.EncodeToString(macaroon), method, path, request, result)
}

func (l *lnd) do(ctx context.Context, macaroon, method, path string, request, result any) error {
	var body io.Reader
	if request != nil {
		raw, err := json.Marshal(request)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, l.base+path, body)
	if err != nil {
		return err
	}
	if macaroon != "" {
		req.Header.Set("Grpc-Metadata-macaroon", macaroon)
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, withoutURL(err))
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end or abandoned
	limited := &io.LimitedReader{R: resp.Body, N: maxAnswerBytes + 1}
	decoder := json.NewDecoder(limited)
	if resp.StatusCode != http.StatusOK {
		return errorIn(resp.StatusCode, decoder)
	}
	// One value: of a stream the first one.
	switch err := decoder.Decode(result); {
	case err == nil:
		return nil
	case limited.N <= 0:
		return fmt.Errorf("%w: more than %d bytes", errNoAnswer, maxAnswerBytes)
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", errNoAnswer, ctx.Err())
	default:
		return fmt.Errorf("%w: the body is not the expected one", errNoAnswer)
	}
}

// errorIn reads the error of an answer with another status than 200, also of a stream.
func errorIn(status int, decoder *json.Decoder) error {
	var answer struct {
		Message string
		Error   json.RawMessage // a text, or the same within a stream
	}
	message := ""
	if decoder.Decode(&answer) == nil {
		message = answer.Message
		var inner struct{ Message string }
		if message == "" && json.Unmarshal(answer.Error, &inner) == nil {
			message = inner.Message
		}
	}
	if message == "" {
		message = fmt.Sprintf("LND answers with HTTP status %d", status)
	}
	return &lndError{status: status, message: sentence(message)}
}

// sentence is a text of others, bounded.
func sentence(text string) string { return truncate.UTF8(text, api.MaxMessageBytes) }

// withoutURL is the cause of an error of net/http, which has the address too.
func withoutURL(err error) error {
	if inner, ok := errors.AsType[*url.Error](err); ok {
		if inner.Timeout() {
			return context.DeadlineExceeded
		}
		return inner.Err
	}
	return err
}
