package config

import "fmt"

// Stage is one stage. The blocks that it has define what happens in it: build, candidate with verify, or publish. A stage without any
// of them is an error.
type Stage struct {
	// Name of the stage. Required: unique, at most 30 lower case letters, digits and hyphens, beginning with a letter.
	Name string `yaml:"name"`
	// Build builds the images and pushes them. Default: this stage does not build.
	Build *Build `yaml:"build"`
	// Candidate is the repository that holds the candidates of this stage. It requires verify.
	Candidate *Candidate `yaml:"candidate"`
	// Verify tests a candidate in a cluster. The stage with candidate packages it and tests it first; each later stage with verify
	// tests that very package again, such as in a staging cluster or for its performance, and signs an attestation of its own.
	Verify *Verify `yaml:"verify"`
	// Key is the private key that signs this stage's attestations; `chart-promoter keygen` creates a pair. Default for a stage with
	// verify: the variable NAME_SIGNING_KEY, QA_SIGNING_KEY for the stage qa. In a stage that publishes with oci it signs the chart in
	// the registry and what is attested of it, for `cosign verify` and `cosign verify-attestation`. Default there: none, the chart has
	// the attestations of the stages before, which `cosign verify-blob-attestation` verifies.
	Key Key `yaml:"key"`
	// PublicKey is the public key that checks this stage's attestations. Default for a stage with verify: the variable
	// NAME_PUBLIC_KEY, QA_PUBLIC_KEY for the stage qa.
	PublicKey Key `yaml:"publicKey"`
	// Publish is the chart repository of this stage. Default: this stage publishes nothing.
	Publish *Publish `yaml:"publish"`
	// Guards define which packages a publishing stage accepts. Default: releases, verified by all stages before it that test
	// candidates. Guards without publish are an error.
	Guards *Guards `yaml:"guards"`
}

// Candidate is the repository that holds the exploded chart, one commit for each candidate.
type Candidate struct {
	// Git is the address of the repository. Required.
	Git string `yaml:"git"`
	// Branch of the repository. Default: the branch that its HEAD names.
	Branch string `yaml:"branch"`
	// Path of the chart in the repository. Default: the base name of chart.path, or the root of the repository if there is none.
	Path string `yaml:"path"`
	// PullRequest has candidates go through a pull request. Default: they are pushed to the branch.
	PullRequest *PullRequest `yaml:"pullRequest"`
}

// Verify tests a candidate in a cluster.
type Verify struct {
	// Cluster is the cluster of the tests: a kind cluster that is created for them, or an existing one.
	Cluster Cluster `yaml:"cluster"`
	// Kubernetes is what the chart is linted and rendered for.
	Kubernetes Kubernetes `yaml:"kubernetes"`
	// Install defines how the package is installed for the tests.
	Install Install `yaml:"install"`
	// Helm lists the majors of Helm that the candidate is tested with, 3 and 4, each as its users work with it: Helm 3 applies objects
	// in the client, Helm 4 in the server and waits for the status of every object. With each the candidate is linted, rendered and
	// installed, and the chart's own tests run and count; a release of Helm 3 is also upgraded by Helm 4. The command of test runs once,
	// with the newest. Default: [3, 4].
	Helm []int `yaml:"helm"`
	// UpgradeFrom names a publishing stage: its latest version below the candidate is installed first and upgraded to the candidate,
	// with each major of Helm. Default: no upgrade is tested.
	UpgradeFrom string `yaml:"upgradeFrom"`
	// Rollback tests also that an upgrade can be rolled back, and done again. Set it to false for a chart that cannot go back, such as
	// one whose database is migrated. Default: true.
	Rollback *bool `yaml:"rollback"`
	// Test is the command that runs in the source of the candidate's commit. Default: the chart's own tests, those of `helm test`; a
	// chart without tests is tested by its installation, with all that it installs ready.
	Test *Test `yaml:"test"`
}

// Cluster is the cluster of the tests: a kind cluster that is created for them, or an existing one.
type Cluster struct {
	// Kubeconfig gives access to an existing cluster, such as one for staging: a variable with the content of a kubeconfig, plain or in
	// base64, or a file. The release is uninstalled after the tests, and runs with the same release wait for each other: see Existing
	// clusters. The other keys are for a new cluster and must not be set. Default: none, a kind cluster is created.
	Kubeconfig Key `yaml:"kubeconfig"`
	// NodeImage of the cluster. Default: the one that belongs to kind's version.
	NodeImage string `yaml:"nodeImage"`
	// Config is the path of kind's configuration file. Default: kind's defaults.
	Config string `yaml:"config"`
	// Wait is how long the nodes may take to be ready. Default: 5m.
	Wait Duration `yaml:"wait"`
	// Preload lists images that are loaded into the nodes beside the candidate's own; empty items do not count. Default: none.
	Preload []string `yaml:"preload"`
}

// Install defines how the package is installed for the tests.
type Install struct {
	// Release is the name of the Helm release. Default: the pipeline's name.
	Release string `yaml:"release"`
	// Namespace of the release, which is created. Default: the pipeline's name.
	Namespace string `yaml:"namespace"`
	// Values of the chart. Default: those of the chart itself.
	Values map[string]any `yaml:"values"`
	// ValuesFiles are patterns of files of the chart with further values, as chart-testing uses them: with each file, over values, the
	// chart is linted, rendered, installed on its own after the other tests, and tested by its own tests. If values is empty and the
	// chart cannot be rendered without values, the first file takes their place. [] is none. Default: ci/*-values.yaml.
	ValuesFiles []string `yaml:"valuesFiles"`
	// Timeout until everything is ready. Default: 5m.
	Timeout Duration `yaml:"timeout"`
}

// FormatGoJSON is the format of a command that prints what `go test -json` prints.
const FormatGoJSON = "go-json"

// Command is a program to run, without a shell.
type Command struct {
	// Command is the program and its arguments. Required.
	Command []string `yaml:"command"`
	// Env is added to the environment of the command, from which credentials are removed. Default: none.
	Env map[string]string `yaml:"env"`
	// Timeout after which the command and all that it started end. Default: 30m.
	Timeout Duration `yaml:"timeout"`
	// Format of the output: go-json for the output of `go test -json`, of which every test counts. Default: none, the exit code alone
	// counts, as one test.
	Format string `yaml:"format"`
}

// Test is a program that tests a candidate, without a shell. In its environment are KUBECONFIG, and RELEASE_NAME, RELEASE_NAMESPACE and
// HELM_MAJOR (3 or 4) of the installed release, empty for a library chart; CHART_VERSION and APP_VERSION; CANDIDATE_IMAGE, the reference of
// the first image, empty without one; and CANDIDATE_IMAGES, those of all, with spaces between them.
type Test struct {
	Command `yaml:",inline"`
	// Prepare is a program and its arguments that run before command in the same source, beside the installation: one that fetches or
	// compiles what the tests need, such as `npm ci`. It has the same env and timeout, but nothing of the installed release. If it fails,
	// so does the candidate, without a further step of the installation. Default: none.
	Prepare []string `yaml:"prepare"`
}

// Preparation is prepare as a command, nil if there is none.
func (t *Test) Preparation() *Command {
	if t == nil || len(t.Prepare) == 0 {
		return nil
	}
	return &Command{Command: t.Prepare, Env: t.Env, Timeout: t.Timeout}
}

func (t *Test) validate() error {
	if len(t.Prepare) > 0 && t.Prepare[0] == "" {
		return fmt.Errorf("prepare has no program")
	}
	return t.Command.validate()
}

// Key is the place of a key. If both are set, the variable has precedence.
type Key struct {
	// Env is the name of the variable that contains the key. Default: none.
	Env string `yaml:"env"`
	// File is the path of the file that contains the key. Default: none.
	File string `yaml:"file"`
}
