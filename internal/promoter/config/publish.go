package config

// Publish is a chart repository. Exactly one of git, directory and oci is required.
type Publish struct {
	// Git is the address of a git repository that holds packages and index.yaml.
	Git string `yaml:"git"`
	// Branch of the git repository. A branch that does not exist, such as gh-pages, is created by the first promotion, without the
	// history of any other branch. Default: the branch that its HEAD names.
	Branch string `yaml:"branch"`
	// Path is a folder of the branch that holds packages and index.yaml, such as docs. Only for git. Default: the root of the branch.
	Path string `yaml:"path"`
	// Directory is the path of a directory that holds packages and index.yaml.
	Directory string `yaml:"directory"`
	// OCI is a repository of an OCI registry below which charts are pushed, such as oci://ghcr.io/owner/charts. Attestations, SLSA
	// provenance and an SBOM refer to the chart there, as Sigstore bundles that `oras discover` lists and cosign verifies.
	OCI string `yaml:"oci"`
	// URL under which the folder with index.yaml is served, for the addresses in the index. Default: none, the addresses are relative.
	URL string `yaml:"url"`
	// PullRequest has packages go through a pull request. Only for git, and not with statusPage. Default: they are pushed to the branch.
	PullRequest *PullRequest `yaml:"pullRequest"`
	// PGP signs a .prov file beside each package. Default: no .prov file.
	PGP *PGP `yaml:"pgp"`
	// Page writes a landing page, index.html, beside the index: what is published, and how to install it. A page that chart-promoter
	// did not write, or that was edited since, stays as it is. Not for oci. Default: false.
	Page bool `yaml:"page"`
	// StatusPage writes status.html beside the index, the output of `chart-promoter status`, under the same conditions. Not for oci.
	// Default: false.
	StatusPage bool `yaml:"statusPage"`
}

// PGP is a PGP key that signs a .prov file for each package, for those who install with `helm install --verify`.
type PGP struct {
	// Key is the private key, armored or binary, as `gpg --export-secret-keys` prints it. Required.
	Key Key `yaml:"key"`
	// Passphrase of the key. Default: the key has none.
	Passphrase Key `yaml:"passphrase"`
}

// Values of Guards.Versions.
const (
	Releases    = "release"
	Prereleases = "prerelease"
	AnyVersion  = "any"
)

// Unverified is the value of Guards.VerifiedBy of a stage that needs no attestation.
const Unverified = "none"

// Guards define which packages a publishing stage accepts.
type Guards struct {
	// Versions that the stage accepts: release, prerelease (releases too), or any. Default: release.
	Versions string `yaml:"versions"`
	// VerifiedBy names the stage whose attestation is required, or several stages in a list, each of whose attestations is required;
	// none requires no attestation. Default: the stages with verify before this one, or all of them if none is before it. Without such
	// a stage it must be none.
	VerifiedBy Names `yaml:"verifiedBy"`
	// MinAge is how long ago the candidate must have been committed, such as 12h, so that every package stays that long in the testing
	// stages. The attestations state that time; of a candidate without a commit they state when its first test ended. CI publishes it
	// when its job for the candidate runs again after that time, by hand or by a schedule. Default: no limit. It requires verifiedBy.
	MinAge Duration `yaml:"minAge"`
	// Approvals is the number of approvals for this stage that a package needs, each with another key of approverKeys. Default: 0.
	Approvals int `yaml:"approvals"`
	// ApproverKeys are the public keys of those who may approve. It is an error if there are fewer than approvals. Default: none.
	ApproverKeys []Key `yaml:"approverKeys"`
	// AppVersionApart is true when the chart's version does not follow from its appVersion. It is not part of the file.
	AppVersionApart bool `yaml:"-"`
}
