package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"github.com/christianb93/bitcoin-controller/internal/atomicfile"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
)

// saltBytes is the length of the salt in bitcoin's own rpcauth.py.
const saltBytes = 16

// run writes the file for the user and the password in the environment. When the arguments name a program, it replaces this
// process with that program, without the user and the password in its environment, and does not return.
func run(arguments, env []string, usage io.Writer) error {
	flags := flag.NewFlagSet("rpcauth", flag.ContinueOnError)
	flags.SetOutput(usage)
	output := flags.String("output", rpcauth.File, "file to write")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	user, password := valueOf(env, rpcauth.UserKey), valueOf(env, rpcauth.PasswordKey)
	if err := write(*output, user, password); err != nil || flags.NArg() == 0 {
		return err
	}
	return execute(flags.Args(), env)
}

func valueOf(env []string, key string) string {
	for _, variable := range env {
		if value, ok := strings.CutPrefix(variable, key+"="); ok {
			return value
		}
	}
	return ""
}

// execute replaces this process, so that the program gets signals directly. It returns only on an error.
func execute(program, env []string) error {
	path, err := exec.LookPath(program[0])
	if err != nil {
		return fmt.Errorf("the node image has no %s on its PATH: set another image in spec.image (%w)", program[0], err)
	}
	env = slices.DeleteFunc(slices.Clone(env), func(variable string) bool {
		key, _, _ := strings.Cut(variable, "=")
		return key == rpcauth.UserKey || key == rpcauth.PasswordKey
	})
	if err := syscall.Exec(path, program, env); err != nil { //nolint:gosec // the pod's own command
		return fmt.Errorf("start %s: %w", path, err)
	}
	return nil
}

// write replaces the file in one step, so that bitcoind never reads a part of it.
func write(output, user, password string) error {
	if err := validate(user, password); err != nil {
		return err
	}
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return err
	}
	text := "rpcauth=" + rpcauth.Value(user, password, hex.EncodeToString(salt)) + "\n"
	if err := atomicfile.Write(output, []byte(text), 0o440); err != nil {
		return fmt.Errorf("write the rpcauth option of the users: %w", err)
	}
	return nil
}

// validate rejects values that bitcoin.conf or HTTP basic authentication cannot represent.
func validate(user, password string) error {
	switch {
	case user == "":
		return errors.New("the Secret's " + rpcauth.UserKey + " is empty: set it to a user name")
	case password == "":
		return errors.New("the Secret's " + rpcauth.PasswordKey + " is empty: set it to a password")
	case strings.ContainsAny(user, ":#\n\r\x00"), strings.TrimSpace(user) != user:
		return errors.New("the Secret's " + rpcauth.UserKey + " has a colon, a '#', a line break, or white space at its start or end, which bitcoind does not allow in a user name")
	case user == rpcauth.OperatorUser, user == rpcauth.LightningUser, user == "__cookie__":
		return fmt.Errorf("the Secret's %s is %q, which is reserved: choose another user name", rpcauth.UserKey, user)
	}
	return nil
}
