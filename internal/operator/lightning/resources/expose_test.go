package resources

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestNothingIsReachedFromOutsideUnlessTheSpecExposesIt(t *testing.T) {
	for name, expose := range map[string]*v1.LightningExpose{"by default": nil, "exposed": {Type: v1.ExposeNodePort}} {
		outside := 0
		for _, object := range Build(lightning(func(s *v1.LightningNetworkSpec) { s.Expose = expose }), nil, settingsFor(name)) {
			service, ok := object.(*corev1.Service)
			if !ok {
				continue
			}
			spec := service.Spec
			inside := (spec.Type == "" || spec.Type == corev1.ServiceTypeClusterIP) && len(spec.ExternalIPs) == 0
			if !inside {
				outside++
			}
			if !inside && (expose == nil || !strings.HasSuffix(service.Name, "-expose")) {
				t.Errorf("%s: Service %s has the type %s and the addresses %v", name, service.Name, spec.Type, spec.ExternalIPs)
			}
		}
		if want := map[bool]int{true: 0, false: 2}[expose == nil]; outside != want {
			t.Errorf("%s: %d Services are reached from outside, want %d", name, outside, want)
		}
	}
}
