// Package pipeline is the way of a commit through the stages: each step is a function of its own, and Steps is their
// order. The trades (versions, charts, images, clusters, repositories) are packages beside it.
package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/christianb93/bitcoin-controller/internal/promoter/version"
)

// Config is the file that describes a pipeline. Every text in it may hold ${NAME} or ${NAME:-default}, which are taken
// from the environment; $$ is a dollar sign. Relative paths count from the root of the repository that holds the file.
type Config struct {
	// Name of the pipeline, used for clusters and messages.
	Name string `yaml:"name"`
	// Source is the repository of the program and its tests.
	Source Source `yaml:"source"`
	// Version says how versions of development builds are made.
	Version VersionConfig `yaml:"version"`
	// Chart says where the chart is and which of its scalars a candidate sets.
	Chart Chart `yaml:"chart"`
	// Stages in the order in which a commit goes through them: one that builds, one that tests candidates, and any
	// number that publish.
	Stages []Stage `yaml:"stages"`
	// CI is what the files of the CI engines do besides calling the steps; `chart-promoter init` writes them.
	CI CI `yaml:"ci"`
	// Root is the directory that relative paths count from.
	Root string `yaml:"-"`
}

// DefaultFile is where the configuration is when nothing else is said.
const DefaultFile = "ci/pipeline.yaml"

// Source is where a candidate's commit can be fetched when it is not in the repository at hand.
type Source struct {
	Git string `yaml:"git"`
}

// VersionConfig chooses the scheme: semver (default) or legacy.
type VersionConfig struct {
	Scheme version.Scheme `yaml:"scheme"`
}

// Chart is the chart that goes through the pipeline.
type Chart struct {
	// Path of the chart in the source repository. Empty: the chart lives in the candidates' repository and is edited there.
	Path string `yaml:"path"`
	// Scalars maps a file of the chart to its scalars, path to what it gets: chartVersion, appVersion, imageRepository,
	// imageTag, imageDigest or commit. Nothing else in the chart is ever changed. When it is missing: version and appVersion
	// of Chart.yaml, and image.repository, image.tag and image.digest of values.yaml when a stage builds an image.
	Scalars map[string]map[string]string `yaml:"scalars"`
}

// Stage is one stage; which of its blocks are there says what happens in it.
type Stage struct {
	Name      string        `yaml:"name"`
	Build     *BuildConfig  `yaml:"build"`
	Candidate *Candidate    `yaml:"candidate"`
	Verify    *VerifyConfig `yaml:"verify"`
	// Key signs this stage's records, PublicKey checks them. When one is missing it is read from QA_SIGNING_KEY or
	// QA_PUBLIC_KEY, for a stage that is called qa.
	Key       Key      `yaml:"key"`
	PublicKey Key      `yaml:"publicKey"`
	Publish   *Publish `yaml:"publish"`
	Guards    *Guards  `yaml:"guards"`
}

// BuildConfig compiles the program into an image.
type BuildConfig struct {
	// Test is the unit tests' command, run before anything is pushed; none when it is missing.
	Test  *Command `yaml:"test"`
	Image Image    `yaml:"image"`
}

// Image describes the image that is built.
type Image struct {
	Repository string `yaml:"repository"`
	// Package is the main package whose program the image runs. Programs are further ones, whose programs lie beside it.
	Package   string   `yaml:"package"`
	Programs  []string `yaml:"programs"`
	Platforms []string `yaml:"platforms"`
	// LDFlags for the linker; {version}, {commit} and {date} (of the commit, RFC 3339) are replaced.
	LDFlags []string          `yaml:"ldflags"`
	User    string            `yaml:"user"`
	Labels  map[string]string `yaml:"labels"`
}

// Candidate is the repository that holds the exploded chart, one commit for each candidate.
type Candidate struct {
	Git    string `yaml:"git"`
	Branch string `yaml:"branch"`
	// Path of the chart in it, default the base name of chart.path, or "." when there is none.
	Path string `yaml:"path"`
}

// VerifyConfig tests a candidate in a cluster.
type VerifyConfig struct {
	Cluster Cluster `yaml:"cluster"`
	Install Install `yaml:"install"`
	// UpgradeFrom names a publishing stage whose latest version is installed first and upgraded to the candidate.
	UpgradeFrom string `yaml:"upgradeFrom"`
	// Test is run in the source of the candidate's commit. When it is missing, the chart's own tests, those of `helm test`,
	// are run; a chart that has none is tested by its installation, with all that it installs ready.
	Test *Command `yaml:"test"`
}

// Cluster is the kind cluster to test in.
type Cluster struct {
	// NodeImage, empty for the one that belongs to kind's version.
	NodeImage string `yaml:"nodeImage"`
	// Config is kind's configuration file, empty for its default.
	Config string `yaml:"config"`
	// Wait for the nodes to be ready, default 5m.
	Wait Duration `yaml:"wait"`
	// Preload lists images to bring into the nodes; empty entries do not count. The candidate's own always is.
	Preload []string `yaml:"preload"`
}

// Install says how the package is installed for the tests.
type Install struct {
	Release   string         `yaml:"release"`
	Namespace string         `yaml:"namespace"`
	Values    map[string]any `yaml:"values"`
	// Timeout until everything is ready, default 5m.
	Timeout Duration `yaml:"timeout"`
}

// Command is a program to run, without a shell.
type Command struct {
	Command []string `yaml:"command"`
	// Env is added to the environment, which has no credentials in it.
	Env map[string]string `yaml:"env"`
	// Timeout ends the command and all it started; default 30m.
	Timeout Duration `yaml:"timeout"`
	// Format of what it prints: go-json (the output of `go test -json`, of which every test is counted) or empty, where
	// the exit code alone counts, as one test.
	Format string `yaml:"format"`
}

// Publish is a chart repository; exactly one of git, directory and oci is set.
type Publish struct {
	Git       string `yaml:"git"`
	Branch    string `yaml:"branch"`
	Directory string `yaml:"directory"`
	OCI       string `yaml:"oci"`
	// URL under which git or directory is served, for the index; empty for relative addresses.
	URL string `yaml:"url"`
	// PGP signs a .prov file beside each package; none without it.
	PGP *PGP `yaml:"pgp"`
	// Page keeps a landing page, index.html, beside the index: what is published, and how to install it. StatusPage keeps
	// status.html there, what `chart-promoter status` says. A page that somebody else wrote, or changed, stays as it is.
	Page       bool `yaml:"page"`
	StatusPage bool `yaml:"statusPage"`
}

// Guards say what a stage lets in. Without the block: releases only, verified by the stage that tests candidates.
type Guards struct {
	// Versions is release (default), prerelease (these too) or any.
	Versions string `yaml:"versions"`
	// VerifiedBy names the stage whose record is needed; "none" needs none.
	VerifiedBy string `yaml:"verifiedBy"`
	// Approvals is how many approvals for this stage are needed, each by another key of ApproverKeys.
	Approvals    int   `yaml:"approvals"`
	ApproverKeys []Key `yaml:"approverKeys"`
}

// Key is where a key is read: the variable wins over the file.
type Key struct {
	Env  string `yaml:"env"`
	File string `yaml:"file"`
}

// Duration is a time.Duration written as 90s or 5m.
type Duration time.Duration

// UnmarshalYAML reads 90s, 5m or 1h30m.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil || v < 0 {
		return fmt.Errorf("line %d: %q is no duration; write 90s or 5m", n.Line, n.Value)
	}
	*d = Duration(v)
	return nil
}

// Or is the duration, or a default when it is not set.
func (d Duration) Or(def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return time.Duration(d)
}

// ErrConfig: the pipeline's file is missing or wrong.
var ErrConfig = errors.New("the pipeline's configuration is not usable")

// Load reads a file and checks it. Errors: ErrConfig, naming file, line and field.
func Load(path, root string, env func(string) string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; name one with --config", ErrConfig, err)
	}
	c, err := Parse(data, env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.Root = root
	return c, nil
}

// Parse is Load for the content of a file.
func Parse(data []byte, env func(string) string) (*Config, error) {
	if err := unknownFields(data); err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if err := expandNode(&doc, env); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	expanded, err := yaml.Marshal(&doc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	var c Config
	dec := yaml.NewDecoder(bytes.NewReader(expanded))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	c.defaults()
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return &c, nil
}

var notFound = regexp.MustCompile(`line (\d+): field (\S+) not found`)

// unknownFields refuses what nobody reads: a misspelt guard would guard nothing.
func unknownFields(data []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	err := dec.Decode(&Config{})
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it is empty", ErrConfig)
	}
	if err == nil {
		return nil
	}
	// Other complaints may be about a variable that is not yet replaced; the real reading makes them again.
	if m := notFound.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("%w: line %s: there is no field %q", ErrConfig, m[1], m[2])
	}
	return nil
}

// Path makes a path of the file absolute.
func (c *Config) Path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.Root, p)
}

// fields are what a scalar of the chart can get.
var fields = []string{"appVersion", "chartVersion", "commit", "imageDigest", "imageRepository", "imageTag"}

func knownField(f string) bool { return slices.Contains(fields, f) }
