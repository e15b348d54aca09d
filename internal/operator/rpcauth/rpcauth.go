// Package rpcauth makes the line of bitcoin.conf by which bitcoind knows a user's password only as a salted hash. It is all
// that the program in the nodes' pods consists of, and imports nothing that takes time to start.
package rpcauth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
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
)

const (
	// UserKey and PasswordKey are the keys of the users' Secret, and the variables that hold their values.
	UserKey     = "BC_RPC_USER"
	PasswordKey = "BC_RPC_PASSWORD"
	// OperatorUser is the operator's name at every node, which no user can have.
	OperatorUser = "bitcoin-controller"
	// Dir holds File, which bitcoin.conf includes.
	Dir  = "/run/bitcoin"
	File = Dir + "/user.conf"
)

// saltBytes is as many as bitcoin's own rpcauth.py takes.
const saltBytes = 16

// Value returns the value of the rpcauth option that lets a user in with a password: <user>:<salt>$<hash>, where the
// hash is HMAC-SHA256 of the password under the salt's text, as bitcoin's share/rpcauth/rpcauth.py makes it.
func Value(user, password, salt string) string {
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(password))
	return user + ":" + salt + "$" + hex.EncodeToString(mac.Sum(nil))
}

// Run is the program: it writes the file for the name and the password in the environment, and becomes what else its
// arguments name, if anything: same process, without the name and the password in its environment. Then it does not return.
func Run(arguments, env []string, usage io.Writer) error {
	flags := flag.NewFlagSet("rpcauth", flag.ContinueOnError)
	flags.SetOutput(usage)
	output := flags.String("output", File, "file to write")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	user, password := valueOf(env, UserKey), valueOf(env, PasswordKey)
	if err := write(*output, user, password); err != nil || flags.NArg() == 0 {
		return err
	}
	return become(flags.Args(), env)
}

func valueOf(env []string, key string) string {
	for _, variable := range env {
		if value, ok := strings.CutPrefix(variable, key+"="); ok {
			return value
		}
	}
	return ""
}

// become replaces this process, so that signals reach the program directly. It returns only when that failed.
func become(program, env []string) error {
	path, err := exec.LookPath(program[0])
	if err != nil {
		return fmt.Errorf("the node image has no %s on its PATH: choose another in spec.image (%w)", program[0], err)
	}
	env = slices.DeleteFunc(slices.Clone(env), func(variable string) bool {
		key, _, _ := strings.Cut(variable, "=")
		return key == UserKey || key == PasswordKey
	})
	if err := syscall.Exec(path, program, env); err != nil { //nolint:gosec // the pod's own command
		return fmt.Errorf("start %s: %w", path, err)
	}
	return nil
}

// write makes the file in one step, so that bitcoind never reads half of it.
func write(output, user, password string) error {
	if err := check(user, password); err != nil {
		return err
	}
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return err
	}
	text := "rpcauth=" + Value(user, password, hex.EncodeToString(salt)) + "\n"
	if err := atomicfile.Write(output, []byte(text), 0o440); err != nil {
		return fmt.Errorf("write the users' rpcauth: %w", err)
	}
	return nil
}

// check refuses what bitcoin.conf or HTTP basic authentication could not carry.
func check(user, password string) error {
	switch {
	case user == "":
		return errors.New("the Secret's " + UserKey + " is empty: give it a name")
	case password == "":
		return errors.New("the Secret's " + PasswordKey + " is empty: give it a password")
	case strings.ContainsAny(user, ":#\n\r\x00"), strings.TrimSpace(user) != user:
		return errors.New("the Secret's " + UserKey + " has a colon, a '#', a line break or white space at an end, which a name of bitcoind's may not have")
	case user == OperatorUser, user == "__cookie__":
		return fmt.Errorf("the Secret's %s is %q, which the node needs for itself: choose another name", UserKey, user)
	}
	return nil
}
