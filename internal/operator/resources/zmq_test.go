package resources

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// The publishers of a pod are those of its own template, at its own address.
func TestPublishersAreThoseThatThePodIsConfiguredWith(t *testing.T) {
	const ip = "fd00::17"
	for name, test := range map[string]struct {
		zmq    *v1.ZMQ
		config v1.Config
		want   []string
	}{
		"none":          {nil, v1.Config{"txindex": "1"}, nil},
		"only a number": {nil, v1.Config{"zmqpubrawtxhwm": "5"}, nil},
		"in config": {
			nil, v1.Config{"zmqpubsequence": "tcp://[::]:28332", "zmqpubrawtx": "tcp://0.0.0.0:28333", "zmqpubhashwallettx": "tcp://0.0.0.0:1"},
			[]string{"pubrawtx tcp://0.0.0.0:28333", "pubsequence tcp://[::]:28332"},
		},
		"earlier-nodes": {nil, v1.Config{"zmqpubrawtx": "tcp://0.0.0.0:28333"}, nil},
		"spec.zmq": {&v1.ZMQ{}, nil, []string{
			"pubrawblock tcp://fd00::17:28332", "pubrawtx tcp://fd00::17:28333", "pubhashblock tcp://fd00::17:28334",
			"pubhashtx tcp://fd00::17:28335", "pubsequence tcp://fd00::17:28336",
		}},
	} {
		template := templates(t, name, network(func(s *v1.BitcoinNetworkSpec) { s.ZMQ, s.Config = test.zmq, test.config }))[0]
		pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Status: corev1.PodStatus{PodIP: ip}}
		var got []string
		for _, p := range Publishers(pod) {
			got = append(got, p.Type+" "+p.Address)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		// bitcoind is to bind what the operator compares with.
		command := strings.ReplaceAll(strings.Join(template.Spec.Containers[0].Command, " "), "$(POD_IP)", ip)
		for _, p := range Publishers(pod) {
			if test.zmq != nil && !strings.Contains(command, fmt.Sprintf("-zmq%s=%s", p.Type, p.Address)) {
				t.Errorf("%s: no %+v in %s", name, p, command)
			}
		}
	}
}

// Nobody else's text in the annotation makes a publisher of its own.
func TestPublishersOfAnotherText(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{AnnotationPublishers: "\n=\nrawtx\n rawtx=tcp://*:1 \n"}}}
	want := []bitcoind.Publisher{{Type: "pub"}, {Type: "pubrawtx", Address: "tcp://*:1"}}
	if got := Publishers(pod); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

// A network without publishers has the pods, and so the running nodes, of before.
func TestOnlyNodesWithPublishersAllowTheCall(t *testing.T) {
	for name, n := range networks {
		text := bitcoinConf{zmq: n.Spec.ZMQ, extra: merge(optionsOf{single: n.Spec.Config})}.render()
		_, annotated := templates(t, name, n)[0].Annotations[AnnotationPublishers]
		if allowed := strings.Contains(text, bitcoind.MethodPublishers); allowed != (n.Spec.ZMQ != nil) || annotated != allowed {
			t.Errorf("%s: the call is allowed: %v, the pod has publishers: %v", name, allowed, annotated)
		}
	}
}
