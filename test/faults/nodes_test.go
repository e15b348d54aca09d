//go:build faults

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/christianb93/bitcoin-controller/internal/operator/supervisor/api"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// node is the bitcoind of one node: a container's only one, or that of a slot.
type node struct {
	*container
	slot int
}

// name is that of the operator.
func (n node) name() string {
	if n.perPod == 0 {
		return n.pod.Name
	}
	return fmt.Sprintf("%s/%d", n.pod.Name, n.slot)
}

// ordinal of the node in its network.
func (n node) ordinal() int { return n.number()*max(n.perPod, 1) + n.slot }

// listener is the address and port at which the node accepts peers.
func (n node) listener() string { return fmt.Sprint(n.address, ":", n.port(v1.P2PPort)) }

// port of the node, of which first is that of the first node in a pod.
func (n node) port(first int) int { return int(v1.PortInSlot(int32(first), int32(n.slot))) } //nolint:gosec // small numbers

// number of a pod in its StatefulSet.
func (c *container) number() int {
	number, err := strconv.Atoi(c.pod.Name[strings.LastIndex(c.pod.Name, "-")+1:])
	if err != nil {
		return -1
	}
	return number
}

// nodes of a container, of which its network has so many.
func (c *container) nodes(all int) (list []node) {
	if c.perPod == 0 {
		return []node{{c, 0}}
	}
	for slot := range min(max(all-c.number()*c.perPod, 0), c.perPod) {
		list = append(list, node{c, slot})
	}
	return list
}

// processes are those of the container by the number of their node, and that of a supervisor as -1.
func (c *container) processes() map[int]int {
	found := map[int]int{}
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return found
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(filepath.Base(entry))
		if root, failed := os.Readlink(entry + "/root"); err != nil || failed != nil || root != c.root {
			continue
		}
		line, _ := os.ReadFile(entry + "/cmdline")
		slot := -1
		for argument := range strings.SplitSeq(string(line), "\x00") {
			if path, ok := strings.CutPrefix(argument, "-conf="+api.NodesDir+"/"); ok {
				if number, err := strconv.Atoi(strings.TrimSuffix(path, "/bitcoin.conf")); err == nil {
					slot = number
				}
			}
		}
		found[slot] = pid
	}
	return found
}

// signal sends a signal to the process of the node, if it runs.
func (n node) signal(s syscall.Signal) {
	if n.perPod == 0 {
		n.container.signal(s)
		return
	}
	if pid, runs := n.processes()[n.slot]; runs {
		_ = syscall.Kill(pid, s)
	}
}

// signalAll sends a signal to all processes of the container.
func (c *container) signalAll(s syscall.Signal) {
	c.signal(s)
	if c.perPod > 0 {
		for _, pid := range c.processes() {
			_ = syscall.Kill(pid, s)
		}
	}
}

// call asks bitcoind itself, with the cookie that it writes for those who can read its files.
func (n node) call(ctx context.Context, method string, result any, params ...any) error {
	dir := "data"
	if n.perPod > 0 {
		dir = api.DataDir(dir, n.slot)
	}
	cookie, err := os.ReadFile(filepath.Join(n.root, dir, "regtest/.cookie"))
	if err != nil {
		return err
	}
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://%s:%d/", n.address, n.port(backendPort)), strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	user, password, _ := strings.Cut(string(cookie), ":")
	request.SetBasicAuth(user, password)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	var got struct {
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		return err
	}
	if got.Error != nil {
		return errors.New(got.Error.Message)
	}
	return json.Unmarshal(got.Result, result)
}

// nodes are those of a network with so many, in their order.
func (k *kubelet) nodes(all int) (list []node) {
	for _, c := range k.containers() {
		list = append(list, c.nodes(all)...)
	}
	slices.SortFunc(list, func(a, b node) int { return a.ordinal() - b.ordinal() })
	return list
}

// leaving are the nodes that run in the pods of a network and are none of so many.
func (k *kubelet) leaving(all int) (names []string) {
	for _, c := range k.containers() {
		if c.perPod == 0 {
			continue
		}
		share := len(c.nodes(all))
		for slot := range c.processes() {
			if slot >= share {
				names = append(names, node{c, slot}.name())
			}
		}
	}
	return names
}
