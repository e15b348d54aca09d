// A program that applies a network, as users of the API write it.
package main

import (
	"context"
	"log"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	apply "github.com/christianb93/bitcoin-controller/pkg/client/applyconfiguration/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
)

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", clientcmd.RecommendedHomeFile)
	if err != nil {
		log.Fatal(err)
	}
	networks := versioned.NewForConfigOrDie(config).BitcoincontrollerV1().BitcoinNetworks("default")
	network := apply.BitcoinNetwork("my-network", "default").WithSpec(apply.BitcoinNetworkSpec().WithNodes(3))
	applied, err := networks.Apply(context.Background(), network, metav1.ApplyOptions{FieldManager: "program"})
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("%s has %d nodes", applied.Name, applied.Spec.Nodes)
}
