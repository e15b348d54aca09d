package e2e

import (
	"strings"
	"testing"
)

func TestTheArgumentsOfBitcoinCLIAreACall(t *testing.T) {
	for name, test := range map[string]struct {
		args       []string
		path, want string
	}{
		"no parameter":    {[]string{"getblockcount"}, "/", `{"id":1,"method":"getblockcount","params":[]}`},
		"numbers":         {[]string{"getblock", "0f91", "2"}, "/", `{"id":1,"method":"getblock","params":["0f91",2]}`},
		"a list":          {[]string{"logging", `["net"]`}, "/", `{"id":1,"method":"logging","params":[["net"]]}`},
		"another wallet":  {[]string{"-rpcwallet=a b", "getbalance"}, "/wallet/a%20b", `{"id":1,"method":"getbalance","params":[]}`},
		"leading zeros":   {[]string{"getblockheader", "00000000", "false"}, "/", `{"id":1,"method":"getblockheader","params":["00000000",false]}`},
		"an empty string": {[]string{"getnewaddress", ""}, "/", `{"id":1,"method":"getnewaddress","params":[""]}`},
	} {
		path, body, err := requestOf(test.args)
		if err != nil || path != test.path || string(body) != test.want {
			t.Errorf("%s: %s %s (%v), and should be %s %s", name, path, body, err, test.path, test.want)
		}
	}
	for _, args := range [][]string{nil, {"-rpcwallet=w"}, {"-rpcport=1", "getblockcount"}} {
		if path, body, err := requestOf(args); err == nil {
			t.Errorf("%q is %s %s, and should be an error", args, path, body)
		}
	}
}

func TestAnAnswerIsThatOfBitcoinCLI(t *testing.T) {
	for body, want := range map[string]string{
		`{"result":101,"error":null,"id":1}`:          "101",
		`{"result":"bcrt1q","error":null,"id":1}`:     "bcrt1q",
		`{"result":null,"error":null,"id":1}`:         "",
		`{"result":{"a":[1]},"error":null,"id":1}`:    `{"a":[1]}`,
		`{"result":0.00100000,"error":null,"id":1}`:   "0.00100000",
		`{"result":true,"error":null,"id":1,"x":"y"}`: "true",
	} {
		if got, err := answerOf([]byte(body)); err != nil || got != want {
			t.Errorf("%s is %q (%v), and should be %q", body, got, err, want)
		}
	}
	if got, err := answerOf([]byte(`{"result":null,"error":{"code":-8,"message":"no"},"id":1}`)); err == nil || err.Error() != "error code: -8: no" {
		t.Errorf("an error is %q (%v)", got, err)
	}
	const busy = "Work queue depth exceeded"
	if got, err := answerOf([]byte(busy)); err == nil || !strings.HasPrefix(err.Error(), "the answer is no JSON") || !strings.HasSuffix(err.Error(), busy) {
		t.Errorf("%q is %q (%v)", busy, got, err)
	}
}
