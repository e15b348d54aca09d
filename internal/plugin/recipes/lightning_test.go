package recipes

import "testing"

func TestTheLinesOfALightningNodeQuoteTheNamesOfFiles(t *testing.T) {
	addresses := map[string]string{"grpc": "127.0.0.1:21000", "rest": "127.0.0.1:21001"}
	const want = `# lncli
lncli --network=regtest --rpcserver=127.0.0.1:21000 --tlscertpath='it'\''s mine/a.cert' --macaroonpath=/b/a.macaroon getinfo
# REST
curl --silent --cacert 'it'\''s mine/a.cert' --header "Grpc-Metadata-macaroon: $(od -An -v -tx1 /b/a.macaroon | tr -d ' \n')" https://127.0.0.1:21001/v1/getinfo
`
	if got := LightningLines(addresses, "it's mine/a.cert", "/b/a.macaroon"); got != want {
		t.Errorf("the lines are\n%s", got)
	}
}
