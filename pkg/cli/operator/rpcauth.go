package operator

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/pkg/bitcoind"
	"github.com/christianb93/bitcoin-controller/pkg/resources"
)

// saltBytes is as many as bitcoin's own rpcauth.py takes.
const saltBytes = 16

func rpcAuthCommand() *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "rpcauth [-- PROGRAM [ARGUMENT...]]",
		Short: "Write the rpcauth line for the name and the password in the environment; runs in the pods of nodes",
		Long: "Reads " + resources.SecretUserKey + " and " + resources.SecretPasswordKey + " from the environment and writes a bitcoin.conf " +
			"with the salted hash that lets them in. The password itself is written nowhere. Then it becomes PROGRAM, if there is one: " +
			"same process, without the name and the password in its environment.",
		RunE: func(_ *cobra.Command, program []string) error {
			user, password := os.Getenv(resources.SecretUserKey), os.Getenv(resources.SecretPasswordKey)
			if err := writeRPCAuth(output, user, password); err != nil || len(program) == 0 {
				return err
			}
			return become(program, os.Environ())
		},
	}
	command.Flags().StringVar(&output, "output", bitcoind.UserConfigFile, "file to write")
	return command
}

// become replaces this process, so that signals reach the program directly. It returns only when that failed.
func become(program, env []string) error {
	path, err := exec.LookPath(program[0])
	if err != nil {
		return fmt.Errorf("the node image has no %s on its PATH: choose another in spec.image (%w)", program[0], err)
	}
	env = slices.DeleteFunc(slices.Clone(env), func(variable string) bool {
		key, _, _ := strings.Cut(variable, "=")
		return key == resources.SecretUserKey || key == resources.SecretPasswordKey
	})
	if err := syscall.Exec(path, program, env); err != nil { //nolint:gosec // the pod's own command
		return fmt.Errorf("start %s: %w", path, err)
	}
	return nil
}

// writeRPCAuth writes the file in one step, so that bitcoind never reads half of it.
func writeRPCAuth(output, user, password string) error {
	if err := checkUser(user, password); err != nil {
		return err
	}
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return err
	}
	text := bitcoind.RenderUser(user, password, hex.EncodeToString(salt))
	temporary := filepath.Join(filepath.Dir(output), ".user.conf")
	if err := os.WriteFile(temporary, []byte(text), 0o440); err != nil {
		return fmt.Errorf("write the users' rpcauth: %w", err)
	}
	return os.Rename(temporary, output)
}

// checkUser refuses what bitcoin.conf or HTTP basic authentication could not carry.
func checkUser(user, password string) error {
	switch {
	case user == "":
		return errors.New("the Secret's " + resources.SecretUserKey + " is empty: give it a name")
	case password == "":
		return errors.New("the Secret's " + resources.SecretPasswordKey + " is empty: give it a password")
	case strings.ContainsAny(user, ":#\n\r\x00"), strings.TrimSpace(user) != user:
		return errors.New("the Secret's " + resources.SecretUserKey + " has a colon, a '#', a line break or white space at an end, which a name of bitcoind's may not have")
	case user == bitcoind.OperatorUser, user == "__cookie__":
		return fmt.Errorf("the Secret's %s is %q, which the node needs for itself: choose another name", resources.SecretUserKey, user)
	}
	return nil
}
