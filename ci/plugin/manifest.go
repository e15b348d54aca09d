package main

import (
	"strings"

	"sigs.k8s.io/yaml"
)

// The manifest of a krew plugin: https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/.
type (
	manifest struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Metadata   metadata `json:"metadata"`
		Spec       spec     `json:"spec"`
	}
	metadata struct {
		Name string `json:"name"`
	}
	spec struct {
		Version          string   `json:"version"`
		Homepage         string   `json:"homepage"`
		ShortDescription string   `json:"shortDescription"`
		Description      string   `json:"description"`
		Caveats          string   `json:"caveats"`
		Platforms        []target `json:"platforms"`
	}
	target struct {
		Selector selector `json:"selector"`
		URI      string   `json:"uri"`
		SHA256   string   `json:"sha256"`
		Bin      string   `json:"bin"`
		Files    []move   `json:"files"`
	}
	selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	}
	move struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
)

const (
	description = `Creates bitcoin regtest networks of real nodes, and works with them: coins, blocks, transactions, partitions,
reorganisations, logs and local ports, one command each. Needs the operator bitcoin-controller in the cluster,
and the rights of an editor of a namespace.
`
	caveats = `The operator has to be installed in the cluster first; the homepage describes it.
Shells complete the names of networks when kubectl_complete-btcnet is on the PATH:
  ln -s "${KREW_ROOT:-$HOME/.krew}/store/btcnet/VERSION/kubectl_complete-btcnet" "${KREW_ROOT:-$HOME/.krew}/bin/"
`
)

// manifest of the release; sums are the digests of the archives.
func (r *release) manifest(sums map[platform]string) ([]byte, error) {
	version := "v" + r.version
	m := manifest{
		APIVersion: "krew.googlecontainertools.github.com/v1alpha2", Kind: "Plugin", Metadata: metadata{"btcnet"},
		Spec: spec{
			Version: version, Homepage: "https://github.com/christianb93/bitcoin-controller", ShortDescription: "Live with bitcoin regtest networks",
			Description: description, Caveats: strings.ReplaceAll(caveats, "VERSION", version),
		},
	}
	for _, p := range r.platforms {
		m.Spec.Platforms = append(m.Spec.Platforms, target{
			Selector: selector{map[string]string{"os": p.os, "arch": p.arch}}, URI: strings.TrimSuffix(r.url, "/") + "/" + p.archive(),
			SHA256: sums[p], Bin: p.program(), Files: []move{{"*", "."}},
		})
	}
	return yaml.Marshal(m)
}
