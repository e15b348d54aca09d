//go:build e2e

package network

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// continues kills a command that starts a network from a snapshot when the first pod is reported to run: the same command completes it.
func (p plugin) continues(saved snapshotFile) {
	p.Helper()
	arguments := []string{"create", "killed", "--nodes", "3", "--from", saved.file}
	command := p.Command(arguments...)
	if err := command.Start(); err != nil {
		p.Fatal(err)
	}
	p.eventually("a pod that runs", time.Minute, func() error {
		pod, err := cluster.Core.CoreV1().Pods(p.namespace).Get(p.Context(), "killed-sts-1", metav1.GetOptions{})
		if err == nil && pod.Status.PodIP == "" {
			err = fmt.Errorf("its phase is %s", pod.Status.Phase)
		}
		return err
	})
	if err := command.Process.Kill(); err != nil {
		p.Fatal(err)
	}
	_ = command.Wait() // it was killed
	_, notes, code := p.Try(arguments...)
	if code != 0 || !strings.Contains(notes, "The network killed exists already, from this snapshot: continuing with it.") {
		p.Errorf("the same command ended with %d: %s", code, notes)
	}
	p.allAt("killed", 3, saved.best)
	p.hasTheWallets("killed", saved)
	p.ends("killed")
}

// startsPacked starts a network whose nodes share a pod, and have their wallets there.
func (p plugin) startsPacked(saved snapshotFile) {
	p.Helper()
	p.Does("create", "packed", "--nodes", "3", "--nodes-per-pod", "3", "--from", saved.file)
	for i := range 3 {
		if best := p.Does("cli", fmt.Sprintf("packed/%d", i), "getbestblockhash"); best != saved.best {
			p.Errorf("node %d is at %s, and should be at %s", i, best, saved.best)
		}
	}
	if got := p.Does("cli", "packed/1", "-rpcwallet=person", "getbalance"); got != "10.00000000" {
		p.Errorf("the balance is %s", got)
	}
	p.ends("packed")
}
