package ci

import (
	"slices"
	"strings"
)

// The environment variables of the release tool. Each is in Variables too.
const (
	GitUser  = "CHART_PROMOTER_GIT_USER"
	GitToken = "CHART_PROMOTER_GIT_TOKEN"
	// GitHost is the host that GitToken is for.
	GitHost          = "CHART_PROMOTER_GIT_HOST"
	RegistryUser     = "CHART_PROMOTER_REGISTRY_USER"
	RegistryPassword = "CHART_PROMOTER_REGISTRY_PASSWORD"
	RegistryHost     = "CHART_PROMOTER_REGISTRY"
	TravisToken      = "CHART_PROMOTER_TRAVIS_TOKEN"
	TravisAPI        = "CHART_PROMOTER_TRAVIS_API"
	ApproverKey      = "CHART_PROMOTER_APPROVER_KEY"
	// Fork is set to true by an engine's file where the engine itself does not report forks.
	Fork = "CHART_PROMOTER_FORK"
	// Push is set to true in jobs of builds that may push where that is not known, to false where nothing is to be pushed.
	Push = "CHART_PROMOTER_PUSH"
	// TestRun marks the processes of a command of the configuration.
	TestRun = "CHART_PROMOTER_TEST_RUN"
	// GitUsername and GitPassword hand credentials to git's own process; they are never read from the environment.
	GitUsername = "CHART_PROMOTER_USERNAME"
	GitPassword = "CHART_PROMOTER_PASSWORD"
)

// Purpose is the access that an engine's file needs a variable for.
type Purpose string

const (
	// ToGit is pushes to a git repository of a stage, ToRegistry pushes of images and charts.
	ToGit      Purpose = "git"
	ToRegistry Purpose = "registry"
)

// Variable is an environment variable of the release tool.
type Variable struct {
	Name string
	// Public variables reach the tests; all others are withheld, since tests are code of the commit.
	Public bool
	// Needed is set where the engines' files list the variable.
	Needed Purpose
	// PerStage variables have another value at each stage, so an engine keeps them under the stage's name.
	PerStage bool
}

// Variables are all variables that the tool reads or sets.
var Variables = []Variable{
	{Name: RegistryUser, Needed: ToRegistry},
	{Name: RegistryPassword, Needed: ToRegistry},
	{Name: RegistryHost, Public: true},
	{Name: GitToken, Needed: ToGit, PerStage: true},
	{Name: GitUser},
	{Name: GitHost, Public: true},
	{Name: TravisToken},
	{Name: TravisAPI, Public: true},
	{Name: ApproverKey},
	{Name: Fork, Public: true},
	{Name: Push, Public: true},
	{Name: TestRun, Public: true},
	{Name: GitUsername},
	{Name: GitPassword},
}

// Withheld are the names of the variables that no test gets.
func Withheld() (names []string) {
	for _, v := range Variables {
		if !v.Public {
			names = append(names, v.Name)
		}
	}
	return names
}

// IsWithheld reports whether no test gets a variable, by its name: those of Withheld, and the variables of one git host.
func IsWithheld(name string) bool {
	return strings.HasPrefix(name, GitToken+"_") || strings.HasPrefix(name, GitUser+"_") || slices.Contains(Withheld(), name)
}

// NeededFor returns the variables that an engine has to provide for a purpose.
func NeededFor(p Purpose) (found []Variable) {
	for _, v := range Variables {
		if v.Needed == p {
			found = append(found, v)
		}
	}
	return found
}

// SecretName is the name of an engine's secret for a variable at a stage.
func (v Variable) SecretName(stage string) string {
	name := strings.TrimPrefix(v.Name, "CHART_PROMOTER_")
	if v.PerStage {
		name = strings.ToUpper(strings.ReplaceAll(stage, "-", "_")) + strings.TrimPrefix(name, "GIT")
	}
	return name
}

// GitCredentials are a user and a password or token for git over HTTP(S). Printing them shows nothing.
type GitCredentials struct{ Username, Password string }

func (c GitCredentials) String() string { return hidden(c == GitCredentials{}) }

// GoString is String: %#v must not show a password either.
func (c GitCredentials) GoString() string { return c.String() }

// RegistryCredentials are a user and a password for a registry. Printing them shows nothing.
type RegistryCredentials struct {
	Username, Password string
	// Host is the registry that they are for, such as ghcr.io; "" where the environment does not name it.
	Host string
}

func (c RegistryCredentials) String() string { return hidden(c == RegistryCredentials{}) }

// GoString is String: %#v must not show a password either.
func (c RegistryCredentials) GoString() string { return c.String() }

func hidden(empty bool) string {
	if empty {
		return "no credentials"
	}
	return "credentials (hidden)"
}

// TokenUser is the user name that GitHub and GitLab take beside any token.
const TokenUser = "x-access-token"

// GitCredentialsFrom reads GitUser (default TokenUser) and GitToken. Without the token the result is empty.
func GitCredentialsFrom(env func(string) string) GitCredentials {
	c := GitCredentials{Username: env(GitUser), Password: env(GitToken)}
	if c.Password == "" {
		return GitCredentials{}
	}
	if c.Username == "" {
		c.Username = TokenUser
	}
	return c
}

// RegistryCredentialsFrom reads RegistryUser, RegistryPassword and RegistryHost. Without the password the result is empty.
func RegistryCredentialsFrom(env func(string) string) RegistryCredentials {
	if env(RegistryPassword) == "" {
		return RegistryCredentials{}
	}
	return RegistryCredentials{Username: env(RegistryUser), Password: env(RegistryPassword), Host: env(RegistryHost)}
}
