// Package ci is all that the release tool knows of CI engines: which build runs, what that build may do, the files of each
// engine, and the environment variables that carry credentials.
//
// A new engine is one entry in Engines, with a file of its own for its detection and two templates in templates/.
// A new variable is one entry in Variables.
package ci

import (
	"embed"
	"strings"
)

// Engine is one CI engine.
type Engine struct {
	Name string
	// Detect reads the build that the engine runs; false when another engine runs, or none. It decides also whether the event
	// is a pull request and whether the repository is a fork, and takes what it cannot find out for a fork's.
	Detect func(env func(string) string) (Build, bool)
	// Dev is the engine's file for the source repository, QA the one for the candidates' repository.
	Dev, QA File
	// Reads reports whether the engine reads a file of the source repository.
	Reads func(file string) bool
	// Host is a part of the host names whose repositories use this engine by default, empty for none.
	Host string
}

// File is one of an engine's files in a source repository.
type File struct {
	// Path is where the file goes: for DEV where the engine reads it, for QA a place from which it is copied.
	Path string
	// AsTemplate is the path of the DEV file where another engine is in use, beside that of QA.
	AsTemplate string
	// Template is a name in Templates.
	Template string
}

// Templates are the engines' files as text/template with the delimiters <% and %>.
//
//go:embed templates
var Templates embed.FS

// Engines are the engines that exist, in the order in which they are detected and documented.
var Engines = []Engine{travis, github, gitlab}

// Default is the engine of repositories that none claims by its Host.
const Default = "github"

// Names are the names of all engines.
func Names() (names []string) {
	for _, e := range Engines {
		names = append(names, e.Name)
	}
	return names
}

// Find returns an engine by its name.
func Find(name string) (Engine, bool) {
	for _, e := range Engines {
		if e.Name == name {
			return e, true
		}
	}
	return Engine{}, false
}

// Build is what the CI engine reports of a build, in one form for all engines.
type Build struct {
	// Engine is the engine's name, empty outside CI.
	Engine string `json:"engine,omitempty"`
	Commit string `json:"commit,omitempty"`
	Tag    string `json:"tag,omitempty"`
	// Branch is the branch that is built, for a pull request and a merge queue the one that they are for. A build of a tag has none.
	Branch string `json:"branch,omitempty"`
	// PullRequest is true for builds of pull and merge requests; Fork for those of another repository, which get no secrets.
	PullRequest bool `json:"pullRequest,omitempty"`
	Fork        bool `json:"fork,omitempty"`
	// Run is the address of the run, for attestations.
	Run string `json:"run,omitempty"`
	// Queue is true for builds of a merge queue, whose commit is on no branch yet.
	Queue bool `json:"mergeQueue,omitempty"`
	// Foreign is true for an engine that is not in Engines: its builds of pull requests are not all known, and its commit is not.
	Foreign bool `json:"foreign,omitempty"`
	// Permission is what the variable Push decides.
	Permission Permission `json:"push,omitempty"`
}

// Permission is the decision of those who configure a job about its pushes; empty where they have decided nothing.
type Permission string

const (
	Granted Permission = "granted"
	Denied  Permission = "denied"
)

// MayPush is false for builds whose commit nobody with write access has accepted yet, or may not have.
func (b Build) MayPush() bool { return b.Withheld() == "" && !b.Undecided() }

// Withheld are the builds that do not push and that this one belongs to; empty if it may push or is undecided.
func (b Build) Withheld() string {
	switch {
	case b.PullRequest || b.Fork:
		return "builds of pull requests and forks"
	case b.Permission == Denied:
		return "builds whose " + Push + " is set and not true"
	case b.Queue && b.Permission != Granted:
		return "builds of a merge queue"
	}
	return ""
}

// Undecided is true for a build of an engine that does not report all pull requests and forks, while nobody has decided whether it
// may push.
func (b Build) Undecided() bool { return b.Foreign && b.Permission == "" && b.Withheld() == "" }

// Detect finds the engine that runs this process by its variables, and what it builds; the zero Build outside CI.
func Detect(env func(string) string) Build {
	b := detect(env)
	switch value := env(Push); {
	case strings.EqualFold(value, "true"):
		b.Permission = Granted
	case value != "": // false, or a word that nobody would take for permission
		b.Permission = Denied
	}
	return b
}

func detect(env func(string) string) Build {
	for _, e := range Engines {
		if b, ok := e.Detect(env); ok {
			b.Engine = e.Name
			return b
		}
	}
	return detectForeign(env)
}
