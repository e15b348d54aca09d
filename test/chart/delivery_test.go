package chart_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestTheEarlierNameOfTheDeliveryStillWorks(t *testing.T) {
	for values, want := range map[string]string{
		"":                                "auto",
		"rpcauthDelivery: init-container": "init-container",
		"helper: init-container":          "init-container",
		"helper: init-container\nrpcauthDelivery: image-volume": "image-volume",
	} {
		deployment := fmt.Sprint(find(t, release{}.objects(t, values), "Deployment", "bitcoin-controller").Object)
		if !strings.Contains(deployment, "--rpcauth-delivery="+want+" ") {
			t.Errorf("%q: --rpcauth-delivery=%s is not in %s", values, want, deployment)
		}
	}
}
