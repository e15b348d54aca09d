package image

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

var (
	// ErrNoImage: the registry has no image of this name.
	ErrNoImage = failure.New(failure.External, "no such image")
	// ErrRegistry: the registry is unreachable or its answer is not usable.
	ErrRegistry = failure.New(failure.External, "the registry cannot be used")
	// ErrRegistryAuth: the registry requires other credentials.
	ErrRegistryAuth = failure.New(failure.External, "the registry rejects these credentials")
	// ErrTagTaken: the tag already names another image and may not be moved.
	ErrTagTaken = failure.New(failure.Rejected, "the tag already names another image")
)

// Access is how registries are accessed; the zero value is ready to use.
type Access struct {
	// Env and Pushes are those of Keychain.
	Env    func(string) string
	Pushes []string
	// Insecure allows plain HTTP, which is always allowed for loopback addresses.
	Insecure bool
	// Transport is for tests; nil is DefaultTransport.
	Transport http.RoundTripper
}

func (a Access) transport() http.RoundTripper {
	if a.Transport != nil {
		return a.Transport
	}
	return DefaultTransport
}

func (a Access) options(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx), remote.WithUserAgent("chart-promoter"), remote.WithAuthFromKeychain(a.keychain()), remote.WithTransport(a.transport()),
	}
}

func (a Access) keychain() authn.Keychain { return Keychain{Env: a.Env, Pushes: a.Pushes} }

// Parse reads a reference such as host/path:tag or host/path@sha256:…
func (a Access) Parse(ref string) (name.Reference, error) {
	var opts []name.Option
	if a.Insecure {
		opts = append(opts, name.Insecure)
	}
	r, err := name.ParseReference(ref, opts...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSpec, err)
	}
	return r, nil
}

// Digest reads the digest of a reference from the registry. Errors: ErrNoImage, ErrRegistry, ErrRegistryAuth.
func (a Access) Digest(ctx context.Context, ref string) (string, error) {
	r, err := a.Parse(ref)
	if err != nil {
		return "", err
	}
	d, err := remote.Head(r, a.options(ctx)...)
	if err != nil {
		return "", classify(ref, err)
	}
	return d.Digest.String(), nil
}

// Tags lists the tags of a repository; none when the repository does not exist.
func (a Access) Tags(ctx context.Context, repository string) ([]string, error) {
	r, err := a.Parse(repository)
	if err != nil {
		return nil, err
	}
	puller, err := remote.NewPuller(a.options(ctx)...)
	if err != nil {
		return nil, classify(repository, err)
	}
	tags, err := ListTags(ctx, puller, r.Context())
	if err = classify(repository, err); errors.Is(err, ErrNoImage) {
		return nil, nil
	}
	slices.Sort(tags)
	return tags, err
}

// CheckPush starts an upload and cancels it, so that wrong credentials are found before anything is built. Errors:
// ErrRegistry, ErrRegistryAuth.
func (a Access) CheckPush(ctx context.Context, repository string) error {
	r, err := a.Parse(repository)
	if err != nil {
		return err
	}
	return classifyWrite(r, remote.CheckPushPermission(r, a.keychain(), withContext{ctx, a.transport()}))
}

// withContext adds a context to the requests of a library function that takes none.
type withContext struct {
	ctx   context.Context
	inner http.RoundTripper
}

func (t withContext) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.inner.RoundTrip(r.WithContext(t.ctx))
}

// Push uploads an image under a tag and returns its digest; pushed is false if the tag has this digest already. With keep,
// a tag that names another image is left as it is: ErrTagTaken. Other errors: ErrRegistry, ErrRegistryAuth.
func (a Access) Push(ctx context.Context, idx v1.ImageIndex, ref string, keep bool) (digest string, pushed bool, err error) {
	r, err := a.Parse(ref)
	if err != nil {
		return "", false, err
	}
	hash, err := idx.Digest()
	if err != nil {
		return "", false, err
	}
	old, err := a.Digest(ctx, ref)
	switch {
	case err == nil && old == hash.String():
		return old, false, nil
	case err == nil && keep:
		return "", false, fmt.Errorf("%s is %s in the registry, but %s was built: %w; a release is never replaced, create a new one", ref, old, hash, ErrTagTaken)
	case err != nil && !errors.Is(err, ErrNoImage):
		return "", false, err
	}
	if err := remote.WriteIndex(r, idx, a.options(ctx)...); err != nil {
		return "", false, classifyWrite(r, err)
	}
	return hash.String(), true, nil
}

// classifyWrite is classify for a write: "not found" then concerns the repository itself.
func classifyWrite(r name.Reference, err error) error {
	if err = classify(r.Name(), err); errors.Is(err, ErrNoImage) {
		return fmt.Errorf("%w: it has no repository %s and does not create it automatically; create it first", ErrRegistry, r.Context())
	}
	return err
}

// classify maps an error of a registry to ErrNoImage, ErrRegistryAuth or ErrRegistry.
func classify(ref string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrRegistryAuth) {
		return fmt.Errorf("%s: %w", ref, err)
	}
	var te *transport.Error
	if errors.As(err, &te) {
		switch te.StatusCode {
		case http.StatusNotFound:
			return fmt.Errorf("%s: %w%s", ref, ErrNoImage, answer(te))
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("%s: %w: log in with docker login, or set %s, %s and, if it is for another registry than that of the images, %s%s", ref, ErrRegistryAuth,
				ci.RegistryUser, ci.RegistryPassword, ci.RegistryHost, answer(te))
		}
		return fmt.Errorf("%s: %w: it returned status %d%s", ref, ErrRegistry, te.StatusCode, answer(te))
	}
	var op *net.OpError
	var dns *net.DNSError
	if errors.As(err, &op) || errors.As(err, &dns) {
		return fmt.Errorf("%s: %w: check its address and the network: %w", ref, ErrRegistry, err)
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w: no answer in time: %w", ref, ErrRegistry, err)
	}
	return fmt.Errorf("%s: %w: %w", ref, ErrRegistry, err)
}

// maxAnswer is enough for a sentence of a registry, and keeps a message in one line.
const maxAnswer = 300

// answer is what a registry wrote about its error, in one line, "" if it wrote nothing that can be read.
func answer(te *transport.Error) string {
	var parts []string
	for _, d := range te.Errors {
		text := strings.TrimSuffix(strings.TrimSpace(string(d.Code)+": "+d.Message), ":")
		parts = append(parts, strings.TrimPrefix(text, ": "))
	}
	text := strings.Join(strings.FieldsFunc(strings.Join(parts, "; "), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if len(text) > maxAnswer {
		text = strings.ToValidUTF8(text[:maxAnswer], "") + "…"
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf(" (the registry answered %q)", text)
}

// Wait waits until a registry that has just been started answers. It sends a request every 100 ms until the limit.
func (a Access) Wait(ctx context.Context, repository string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := a.Tags(ctx, repository)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer within %s: %w", limit, err)
		case <-tick.C:
		}
	}
}
