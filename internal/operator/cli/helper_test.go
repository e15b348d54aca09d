package cli

import (
	"testing"

	apiversion "k8s.io/apimachinery/pkg/version"
)

type server string

func (s server) ServerVersion() (*apiversion.Info, error) {
	return &apiversion.Info{GitVersion: string(s)}, nil
}

func TestAutoMountsTheHelperWhereKubernetesCan(t *testing.T) {
	for _, test := range []struct {
		helper, server string
		want           bool
	}{
		{helperAuto, "v1.35.9", false}, {helperAuto, "v1.36.0", true}, {helperAuto, "v1.37.1-gke.100", true},
		{helperAuto, "v1.36.3+k3s1", true}, {helperVolume, "v1.30.0", true}, {helperInit, "v1.37.0", false},
	} {
		o := &options{helper: test.helper}
		if got, err := o.imageVolumes(server(test.server)); got != test.want || err != nil {
			t.Errorf("%s with %s: %v %v", test.helper, test.server, got, err)
		}
	}
	if _, err := (&options{helper: helperAuto}).imageVolumes(server("unknown")); err == nil {
		t.Error("a version that is none was taken")
	}
}
