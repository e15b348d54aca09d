package publish

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// classify tells what is not there (nil), what is forbidden and what is broken.
func classify(err error) error {
	var te *transport.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &te) && te.StatusCode == http.StatusNotFound:
		return errNotThere
	case errors.As(err, &te) && (te.StatusCode == http.StatusUnauthorized || te.StatusCode == http.StatusForbidden):
		return fmt.Errorf("%w: %w", ErrAuth, err)
	}
	return fmt.Errorf("%w: %w", ErrUnusable, err)
}

var errNotThere = failure.New(failure.Internal, "not in the registry")

// classifyWrite is classify for what is written: what is not there then is the repository itself.
func classifyWrite(repo name.Repository, err error) error {
	if err = classify(err); errors.Is(err, errNotThere) {
		return fmt.Errorf("the registry has no repository %s and makes none by itself, create it: %w", repo, ErrUnusable)
	}
	return err
}
