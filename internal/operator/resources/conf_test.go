package resources

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/christianb93/bitcoin-controller/internal/operator/bitcoind"
	"github.com/christianb93/bitcoin-controller/internal/operator/rpcauth"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

func TestBitcoinConf(t *testing.T) {
	operator := bitcoind.Credential{User: rpcauth.OperatorUser, Password: "p", Salt: "00112233445566778899aabbccddeeff"}
	for name, conf := range map[string]bitcoinConf{
		"plain":     {operator: operator},
		"secret":    {operator: operator, userSecret: true},
		"zmq":       {operator: operator, zmq: &v1.ZMQ{HighWaterMark: ptr.To(int32(7))}},
		"extra":     {operator: operator, extra: map[string][]string{"txindex": {"1"}, "dbcache": {"50"}, "zmqpubrawblock": {"tcp://0.0.0.0:28332"}}},
		"earlier":   {operator: operator, earlier: true},
		"volume":    {operator: operator, volume: true},
		"lightning": {operator: operator, lightning: bitcoind.Credential{User: rpcauth.LightningUser, Password: "q", Salt: "ffeeddccbbaa99887766554433221100"}},
		"lists":     {operator: operator, extra: map[string][]string{"debug": {"net", "mempool"}, "uacomment": {"b", "a"}, "par": {}}},
	} {
		t.Run(name, func(t *testing.T) {
			testtools.Golden(t, "testdata/conf/"+name+".conf", conf.render(), *update)
		})
	}
}
