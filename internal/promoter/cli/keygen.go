package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

func (a *app) keygenCommand() *cobra.Command {
	return &cobra.Command{
		Use: "keygen NAME", Args: cobra.ExactArgs(1),
		Short: "Create a key pair for signing attestations: NAME.key (secret) and NAME.pub",
		RunE: func(_ *cobra.Command, args []string) error {
			priv, pub, err := attest.GenerateKey()
			if err != nil {
				return err
			}
			files := map[string]string{"private key": args[0] + ".key", "public key": args[0] + ".pub"}
			for _, path := range files {
				if _, err := os.Lstat(path); err == nil {
					// A key is never overwritten: every attestation signed with it would become worthless.
					return fmt.Errorf("%w: %s exists; choose another name", failure.ErrInput, path)
				}
			}
			if !a.dryRun {
				if err := os.MkdirAll(filepath.Dir(args[0]), 0o700); err != nil {
					return fmt.Errorf("%w: %w", failure.ErrInput, err)
				}
				if err := errors.Join(writeNew(files["private key"], priv, 0o600), writeNew(files["public key"], pub, 0o644)); err != nil {
					return err
				}
			}
			return a.result(files, field{"private key", files["private key"]}, field{"public key", files["public key"]})
		},
	}
}

func writeNew(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("%w: %w; choose another name", failure.ErrInput, err)
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
