package verified

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/christianb93/bitcoin-controller/internal/promoter/attest"
	"github.com/christianb93/bitcoin-controller/internal/promoter/chart"
	"github.com/christianb93/bitcoin-controller/internal/promoter/workdir"
)

// approvalMark is in the name of an approval's file, between the package's name and the approver.
const approvalMark = ".approval-"

// Approve signs an approval of a package and writes it beside the package. The approver, the key and the stage are part of the file's
// name: two approvals of one package are two files.
func Approve(work workdir.Dir, pkg *chart.Package, a attest.Approval, key []byte) (file string, err error) {
	a.Chart, a.Version, a.PackageDigest = pkg.Name, pkg.Version, pkg.Digest
	env, err := attest.SignApproval(a, key)
	if err != nil {
		return "", err
	}
	pub, err := attest.PublicKey(key)
	if err != nil {
		return "", err
	}
	who := sha256.Sum256(fmt.Appendf(nil, "%q %q %s", a.Stage, a.By, pub))
	return work.Write(pkg.Filename()+approvalMark+hex.EncodeToString(who[:6])+".json", env)
}
