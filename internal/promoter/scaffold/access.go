package scaffold

import (
	"slices"
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/ci"
	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/gitrepo"
)

// An engine such as GitHub gives a secret to the steps that name it, and to no other. So each step names what it may read: any of the
// repositories can be private.

// verification is a stage that tests, with the secrets and variables that its step needs.
type verification struct {
	Name               string
	Secrets, Variables []string
	// Token is the name of a secret for the repository that the previous release comes from, empty if it is in none: tests can read the
	// environment of their job, so that it is another one than that which pushes there. Registry is true if something is read from a
	// registry, for which promote has the same secrets.
	Token    string
	Registry bool
}

// promotion is one publishing stage with the variables and secrets that its step needs from the engine.
type promotion struct {
	Name, Token, Flags string
	Variables, Secrets []string
}

// reads sets what the steps before the tests read beside the source.
func (v *view) reads(c *config.Config) {
	for _, r := range c.Dependencies.Repositories {
		if name := r.Password.Env; name != "" && !slices.Contains(v.Passwords, name) {
			v.Passwords = append(v.Passwords, name)
		}
	}
	v.Unpackaged = !packages(c)
	// Of several charts, those whose version has no candidate yet are built as well.
	v.BuildReads = v.Build && len(c.Charts) > 0 && slices.ContainsFunc(c.PerChart(), func(one *config.Config) bool {
		return one.Chart.Version != nil && one.Chart.Version.From == config.FromFile
	})
}

// Named are the variables of QA that are no secrets.
func (v *view) Named() []string { return slices.Concat(v.Variables, v.Settings) }

func (v *view) verifications(c *config.Config) {
	first := c.Tester()
	v.First = verificationOf(c, first)
	if v.Unpackaged {
		v.First.Secrets = append(v.First.Secrets, v.Passwords...)
	}
	v.Secrets, v.Variables = slices.Clone(v.First.Secrets), present(first.PublicKey.Env)
	for _, s := range c.Testers()[1:] {
		later := verificationOf(c, s)
		later.Variables = present(first.PublicKey.Env)
		v.Later = append(v.Later, later)
		v.Secrets = append(v.Secrets, later.Secrets...)
		v.Variables = append(v.Variables, present(s.PublicKey.Env)...)
	}
	var shared []string
	for _, s := range c.Testers() {
		if s.Verify.Cluster.IsExisting() {
			shared = append(shared, s.Name)
		}
	}
	v.Shared = strings.Join(shared, "-and-")
	// GitHub Enterprise Server rejects a file with a key that it does not know.
	remote, _ := gitrepo.ParseRemote(first.Candidate.Git)
	v.Queues = remote.Host == "github.com"
}

func verificationOf(c *config.Config, s *config.Stage) verification {
	t := verification{Name: s.Name, Secrets: present(s.Key.Env, s.Verify.Cluster.Kubeconfig.Env), Registry: slices.ContainsFunc(c.PerChart(), hasFiles)}
	if from := c.Stage(s.Verify.UpgradeFrom); from != nil && from.Publish.Git != "" {
		t.Token = strings.TrimSuffix(token(from.Name), "TOKEN") + "READ_TOKEN"
	} else if from != nil && from.Publish.OCI != "" {
		t.Registry = true
	}
	return t
}

func (v *view) promotions(c *config.Config) {
	var names []string
	for _, s := range c.Publishers() {
		p := promotion{Name: s.Name, Token: token(s.Name), Flags: " --skip-unreleased"}
		if s.Guards.MinAge > 0 {
			p.Flags += " --skip-young"
		}
		for _, by := range s.Guards.Verifiers() {
			p.Variables = append(p.Variables, present(c.Stage(by).PublicKey.Env)...)
		}
		for _, k := range s.Guards.ApproverKeys {
			p.Variables = append(p.Variables, present(k.Env)...)
		}
		if pgp := s.Publish.PGP; pgp != nil {
			p.Secrets = present(pgp.Key.Env, pgp.Passphrase.Env)
		}
		// The other files of a build come from the registry.
		if s.Publish.OCI != "" || slices.ContainsFunc(c.PerChart(), hasFiles) {
			p.Secrets = append(p.Secrets, variableNames(ci.ToRegistry)...)
		}
		names = append(names, s.Name)
		v.Promote = append(v.Promote, p)
	}
	v.Published = strings.Join(names, " and ")
}

func hasFiles(c *config.Config) bool {
	b := c.Builder()
	return b != nil && b.Build.Files != nil
}

func present(names ...string) []string {
	return slices.DeleteFunc(names, func(s string) bool { return s == "" })
}

func variableNames(p ci.Purpose) (list []string) {
	for _, v := range ci.NeededFor(p) {
		list = append(list, v.Name)
	}
	return list
}

// token is the name of the secret that pushes to a stage's repository, where an engine's secrets are one list for all stages.
func token(stage string) string { return ci.NeededFor(ci.ToGit)[0].SecretName(stage) }
