//go:build e2e

package network

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
)

// exec runs a command in a pod and returns its standard output.
func (env *testEnv) exec(pod, stdin string, command ...string) (string, error) {
	request := cluster.core.CoreV1().RESTClient().Post().Resource("pods").Name(pod).Namespace(env.namespace).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: "bitcoind", Command: command, Stdin: stdin != "", Stdout: true, Stderr: true,
		}, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(cluster.config, "GET", request.URL().String())
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(env.Context(), limitFactor()*30*time.Second)
	defer cancel()
	var out, errOut bytes.Buffer
	options := remotecommand.StreamOptions{Stdout: &out, Stderr: &errOut}
	if stdin != "" {
		options.Stdin = strings.NewReader(stdin)
	}
	if err := executor.StreamWithContext(ctx, options); err != nil {
		return "", fmt.Errorf("%s in %s: %w: %s", strings.Join(command, " "), pod, err, errOut.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// cli runs bitcoin-cli in a pod, with the command line of the documentation.
func (env *testEnv) cli(pod string, args ...string) (string, error) {
	return env.exec(pod, "", append([]string{"/usr/local/bin/bitcoin-cli", "-regtest", "-conf=/bitcoin.conf"}, args...)...)
}

// ask runs bitcoin-cli and decodes its answer.
func ask[T any](env *testEnv, pod string, args ...string) (T, error) {
	var answer T
	text, err := env.cli(pod, args...)
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal([]byte(text), &answer)
}

type peer struct {
	Addr    string `json:"addr"`
	Version int    `json:"version"`
}

// peersOf returns the different addresses of a node's peers, as bitcoin-cli shows them.
func (env *testEnv) peersOf(pod string) ([]string, error) {
	peers, err := ask[[]peer](env, pod, "getpeerinfo")
	if err != nil {
		return nil, err
	}
	var addresses []string
	for _, p := range peers {
		host, _, err := net.SplitHostPort(p.Addr)
		if err != nil {
			host = p.Addr
		}
		if !slices.Contains(addresses, host) && p.Version > 0 {
			addresses = append(addresses, host)
		}
	}
	slices.Sort(addresses)
	return addresses, nil
}

// listOf returns the entries of a node's addnode list.
func (env *testEnv) listOf(pod string) ([]string, error) {
	entries, err := ask[[]struct {
		AddedNode string `json:"addednode"`
	}](env, pod, "getaddednodeinfo")
	var list []string
	for _, e := range entries {
		list = append(list, e.AddedNode)
	}
	slices.Sort(list)
	return list, err
}

// addresses returns the addresses of a network's pods by ordinal, from the API server.
func (env *testEnv) addresses(name string, nodes int) []string {
	env.Helper()
	list, err := env.tryAddresses(name, nodes)
	if err != nil {
		env.Fatal(err)
	}
	return list
}

func (env *testEnv) tryAddresses(name string, nodes int) ([]string, error) {
	list := make([]string, nodes)
	for i := range list {
		pod, err := cluster.core.CoreV1().Pods(env.namespace).Get(env.Context(), fmt.Sprintf("%s-sts-%d", name, i), metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		list[i] = pod.Status.PodIP
	}
	return list, nil
}

// ofEach calls a function for every node of a network, for several at the same time.
func ofEach[T any](env *testEnv, name string, nodes int, ask func(pod string) (T, error)) []T {
	env.Helper()
	answers := make([]T, nodes)
	var group errgroup.Group
	group.SetLimit(5)
	for i := range nodes {
		group.Go(func() (err error) {
			answers[i], err = ask(fmt.Sprintf("%s-sts-%d", name, i))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		env.Fatal(err)
	}
	return answers
}

// exactly checks that the nodes have the connections that neighbours returns, and no others. It checks once: they must exist when
// Ready turns true.
func (env *testEnv) exactly(name string, nodes int, neighbours func(i int) []int) {
	env.Helper()
	addresses := env.addresses(name, nodes)
	for i, got := range ofEach(env, name, nodes, env.peersOf) {
		var want []string
		for _, n := range neighbours(i) {
			want = append(want, addresses[n])
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			env.Errorf("node %d of %s is connected with %v, and should be with %v", i, name, got, want)
		}
	}
}

func others(nodes int) func(int) []int {
	return func(i int) []int {
		var list []int
		for n := range nodes {
			if n != i {
				list = append(list, n)
			}
		}
		return list
	}
}
