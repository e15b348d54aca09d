package main

import (
	"fmt"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
)

// meanings describe the variables that users set; the empty text stands for a variable that the tool sets for git's own process.
var meanings = map[string]string{
	ci.GitToken:         "Token for git repositories over HTTPS, to read and to push.",
	ci.GitUser:          "User name beside the token. Default: " + ci.TokenUser + ", which GitHub and GitLab accept.",
	ci.GitHost:          "Host that this token is for, such as `github.com`. Default: the host that the command pushes to; in `run` and `status` the host of all stages, if it is one. `" + ci.GitToken + "_GITHUB_COM` and `" + ci.GitUser + "_GITHUB_COM` are for that host alone, whatever else is set.",
	ci.RegistryUser:     "User name for the registry that the pipeline pushes images and charts to.",
	ci.RegistryPassword: "Password or token for it. No other registry gets it: they have the credentials of Docker's configuration, which are the default here too.",
	ci.RegistryHost:     "The registry that they are for, such as ghcr.io. Default: the one that the pipeline pushes to; required if it pushes to several.",
	ci.ApproverKey:      "Private key of `chart-promoter approve`, unless `--key` names a file.",
	ci.TravisToken:      "Token for `chart-promoter builds`.",
	ci.TravisAPI:        "Address of the Travis API for it. Default: the public one.",
	ci.Fork:             "`true` declares the build to be that of a fork, where the engine does not report it.",
	ci.Push:             "`true` lets a job push that runs in a CI engine without files of its own here, in a merge queue, or for another commit than the engine reports; set it only in jobs that build no pull request. `false` keeps any job from pushing.",
	ci.TestRun:          "",
	ci.GitUsername:      "",
	ci.GitPassword:      "",
}

// environment is the section about the variables of the tool.
func environment() (string, error) {
	var out strings.Builder
	out.WriteString(`
## Environment

These variables carry credentials, which are never in the file. Those that are withheld do not reach test commands, since tests are code of
the commit. The keys of a stage are in variables that the file names: ` + "`QA_SIGNING_KEY` and `QA_PUBLIC_KEY`" + ` for a stage qa by default.

Tests run as the user of chart-promoter and can read what that user can: files with keys, and the environment of the processes above, such
as the shell of the CI job. On Linux chart-promoter hides its own environment and memory from other processes of its user before it starts
a test (not from those of root), ends all that a test has started before it continues, and reads the signing key again only then. If commits
of people who must not see the key are tested, let the CI engine withhold it, as engines do for forks: such a build is tested and not signed.

| variable | meaning | reaches tests |
|---|---|---|
`)
	for _, v := range ci.Variables {
		meaning, known := meanings[v.Name]
		if !known {
			return "", fmt.Errorf("the variable %s has no description in ci/schema", v.Name)
		}
		if meaning == "" {
			continue
		}
		reaches := "no"
		if v.Public {
			reaches = "yes"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", v.Name, meaning, reaches)
	}
	return out.String(), nil
}
