package image

import (
	"context"
	"regexp"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
)

// ErrFetch: a proxy or repository does not provide the modules or the toolchain that a program requires, or this machine must not fetch
// them; the message contains the go command's.
var ErrFetch = failure.New(failure.External, "the modules or the Go toolchain of the program are not available")

// Fetch loads the packages of the programs without compiling them; the go command fetches what this machine lacks of their modules.
// Errors: ErrFetch, ErrCompile.
func Fetch(ctx context.Context, s Spec) error {
	t, err := findToolchain(ctx, s.SourceDir, s.Env)
	if err != nil {
		return err
	}
	_, err = runGo(ctx, s.SourceDir, t.env, append([]string{"list", "-deps", s.Package}, s.Programs...)...)
	return err
}

var (
	// fetchError is how the go command states that a server does not answer, rejects the credentials or has a fault of its own, that git
	// cannot reach a repository, and that settings of this machine forbid what the source requires. A version that does not exist is
	// none of these.
	fetchError = regexp.MustCompile(`(?m)` + strings.Join([]string{
		`: (?:Get|Head|Post) "https?://[^"]*": `,
		`: reading https?://\S+: (?:40[1378]|429|5\d\d) `,
		`^\s*fatal: (?:unable to access '|could not read (?:Username|Password) |Could not read from remote repository)`,
		`: module lookup disabled by GOPROXY=off$`,
		`^go: .* requires go >= \S+ \(running go \S+; GOTOOLCHAIN=local\)$`,
	}, "|"))
	// compiled matches the output of a compiler or linker, before which all is fetched.
	compiled = regexp.MustCompile(`(?m)^# `)
)

// notFetched reports whether the go command failed because it could not fetch something.
func notFetched(output string) bool {
	return fetchError.MatchString(output) && !compiled.MatchString(output)
}
