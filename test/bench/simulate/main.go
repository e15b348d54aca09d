// Command simulate plays a machine of the cluster with room for thousands of bitcoind pods: its kubelet, which reports that
// they run, and the nodes in them, which answer the operator's calls. It is for measuring the operator at a size that
// real nodes need more memory for than one machine has.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoindtest"
)

func main() {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "the cluster's kubeconfig")
	machine := flag.String("machine", "simulated", "name of the machine, which spec.nodeSelector finds by its label kubernetes.io/hostname")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig, *machine); err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig, machine string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	k := &kubelet{clients: clients, machine: machine, nodes: bitcoindtest.New()}
	if err := k.join(ctx); err != nil {
		return err
	}
	return k.work(ctx)
}
