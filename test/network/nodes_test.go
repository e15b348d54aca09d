//go:build e2e

package network

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/christianb93/bitcoin-controller/internal/plugin/noderef"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/test/e2e"
)

// exec runs a command in the pod of a node and returns its standard output.
func (env *testEnv) exec(node, stdin string, command ...string) (string, error) {
	return cluster.Exec(env.Context(), env.namespace, podOf(node), "bitcoind", stdin, command...)
}

// cli calls a node with the arguments of bitcoin-cli. With options that only the program knows it is run.
func (env *testEnv) cli(node string, args ...string) (string, error) {
	if slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "-rpcwallet=") }) {
		return env.cliWith(node, "", args...)
	}
	place := noderef.At(node)
	at := e2e.Bitcoind{Namespace: env.namespace, Pod: place.Pod, Port: place.Port(v1.RPCPort), DataDir: dataDir(node)}
	answer, err := cluster.CLI(env.Context(), at, args...)
	if errors.Is(err, e2e.ErrNoCookie) {
		return env.cliWith(node, "", args...)
	}
	return answer, err
}

// cliWith runs bitcoin-cli for a node in its pod, with the command line of the documentation and a standard input.
func (env *testEnv) cliWith(node, stdin string, args ...string) (string, error) {
	return env.exec(node, stdin, append([]string{"/usr/local/bin/bitcoin-cli", "-regtest", "-conf=" + noderef.At(node).Configuration()}, args...)...)
}

// ask is cli with a decoded answer.
func ask[T any](env *testEnv, node string, args ...string) (T, error) {
	var answer T
	text, err := env.cli(node, args...)
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal([]byte(text), &answer)
}

type peer struct {
	Addr     string `json:"addr"`
	AddrBind string `json:"addrbind"`
	Inbound  bool   `json:"inbound"`
	Version  int    `json:"version"`
}

// peersOf returns a node's peers, as bitcoin-cli shows them.
func (env *testEnv) peersOf(node string) ([]peer, error) {
	return ask[[]peer](env, node, "getpeerinfo")
}

// listOf returns the entries of a node's addnode list.
func (env *testEnv) listOf(node string) ([]string, error) {
	entries, err := ask[[]struct {
		AddedNode string `json:"addednode"`
	}](env, node, "getaddednodeinfo")
	var list []string
	for _, e := range entries {
		list = append(list, e.AddedNode)
	}
	slices.Sort(list)
	return list, err
}

// firstOf are the first nodes of a network.
func firstOf(nodes int) []int {
	list := make([]int, nodes)
	for i := range list {
		list[i] = i
	}
	return list
}

// ofEach calls a function for every node of a network, for several at the same time.
func ofEach[T any](env *testEnv, name string, nodes int, ask func(node string) (T, error)) []T {
	env.Helper()
	answers, err := tryOfEach(env, name, firstOf(nodes), ask)
	if err != nil {
		env.Fatal(err)
	}
	return answers
}

// tryOfEach is ofEach for some nodes, of which one may not answer.
func tryOfEach[T any](env *testEnv, name string, asked []int, ask func(node string) (T, error)) ([]T, error) {
	answers := make([]T, len(asked))
	var group errgroup.Group
	group.SetLimit(5)
	for k, i := range asked {
		group.Go(func() (err error) {
			answers[k], err = ask(env.node(name, i))
			return err
		})
	}
	return answers, group.Wait()
}
