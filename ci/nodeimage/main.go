// Command nodeimage prints the node image, with its digest, that this module's version of kind was released with.
package main

import (
	"fmt"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"
)

func main() { fmt.Println(defaults.Image) }
