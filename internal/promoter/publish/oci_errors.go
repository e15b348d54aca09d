package publish

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/image"
)

// classify maps an error of a registry to errNotFound, ErrAuth or ErrUnusable.
func classify(err error) error {
	var te *transport.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, image.ErrRegistryAuth): // of the keychain, with what to do
		return err
	case errors.As(err, &te) && te.StatusCode == http.StatusNotFound:
		return errNotFound
	case errors.As(err, &te) && (te.StatusCode == http.StatusUnauthorized || te.StatusCode == http.StatusForbidden):
		return fmt.Errorf("%w: %w", ErrAuth, err)
	}
	return fmt.Errorf("%w: %w", ErrUnusable, err)
}

var errNotFound = failure.New(failure.Internal, "not in the registry")

// classifyWrite is classify for a write: "not found" then concerns the repository itself.
func classifyWrite(repo name.Repository, err error) error {
	if err = classify(err); errors.Is(err, errNotFound) {
		return fmt.Errorf("the registry has no repository %s and does not create it automatically; create it first: %w", repo, ErrUnusable)
	}
	return err
}
