package cli

import (
	"testing"

	apiversion "k8s.io/apimachinery/pkg/version"
)

type server string

func (s server) ServerVersion() (*apiversion.Info, error) {
	return &apiversion.Info{GitVersion: string(s)}, nil
}

func TestAutoUsesImageVolumesWhereTheAPIServerHasThem(t *testing.T) {
	for _, test := range []struct {
		delivery, server string
		want             bool
	}{
		{deliveryAuto, "v1.35.9", false}, {deliveryAuto, "v1.36.0", true}, {deliveryAuto, "v1.37.1-gke.100", true},
		{deliveryAuto, "v1.36.3+k3s1", true}, {deliveryVolume, "v1.30.0", true}, {deliveryInit, "v1.37.0", false},
	} {
		o := &options{rpcAuthDelivery: test.delivery}
		if got, err := o.imageVolumes(server(test.server)); got != test.want || err != nil {
			t.Errorf("%s with %s: %v %v", test.delivery, test.server, got, err)
		}
	}
	if _, err := (&options{rpcAuthDelivery: deliveryAuto}).imageVolumes(server("unknown")); err == nil {
		t.Error("a text that is no version is accepted")
	}
}
