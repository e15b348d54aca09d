package step

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"

	"github.com/christianb93/bitcoin-controller/internal/promoter/config"
	"github.com/christianb93/bitcoin-controller/internal/promoter/failure"
	"github.com/christianb93/bitcoin-controller/internal/promoter/testenv"
)

// kubeconfig is the content of the kubeconfig of a stage with an existing cluster. Errors: attest.ErrNoKey, failure.ErrInput.
func (p *Project) kubeconfig(stage *config.Stage) ([]byte, error) {
	data, err := p.Keys().Secret(stage.Verify.Cluster.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig of stage %s: %w", stage.Name, err)
	}
	if decoded, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(data), nil))); err == nil {
		data = decoded
	}
	if !bytes.Contains(data, []byte("clusters")) {
		return nil, fmt.Errorf("%w: the kubeconfig of stage %s names no clusters; set the content of a kubeconfig file, plain or in base64", failure.ErrInput, stage.Name)
	}
	return data, nil
}

// clusterOf completes options by the existing cluster of a stage; cleanup removes what was written for it.
func (p *Project) clusterOf(stage *config.Stage, o testenv.Options) (_ testenv.Options, cleanup func(), err error) {
	key := stage.Verify.Cluster.Kubeconfig
	if o.Kubeconfig != "" || key == (config.Key{}) {
		return o, func() {}, nil
	}
	data, err := p.kubeconfig(stage)
	if err != nil {
		return o, nil, err
	}
	if key.Env == "" || p.Env(key.Env) == "" { // where it is, since it may name other files by relative paths
		o.Kubeconfig = p.Config.Path(key.File)
		return o, func() {}, nil
	}
	path := p.Work.File("kubeconfig-" + stage.Name)
	if err := p.Work.Remove("kubeconfig-" + stage.Name); err != nil {
		return o, nil, err
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return o, nil, fmt.Errorf("write the kubeconfig of stage %s: %w: %w", stage.Name, failure.ErrInput, err)
	}
	o.Kubeconfig = path
	return o, func() { _ = os.Remove(path) }, nil
}
