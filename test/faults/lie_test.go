//go:build faults

package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
)

// lie makes an answer of a node wrong in a way that its form does not show. A node that claims the tip of the others cannot be found
// out; what it claims here makes its network seem worse than it is, or other than it is.
func lie(request, answer []byte, choice int) []byte {
	var calls []struct {
		ID     int
		Method string
	}
	var results []map[string]any
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	if json.Unmarshal(request, &calls) != nil || decoder.Decode(&results) != nil {
		return answer
	}
	for i := range results {
		if i >= len(calls) {
			break
		}
		switch result := results[i]["result"].(type) {
		case map[string]any:
			lieOfNode(calls[i].Method, result, choice)
		case []any:
			results[i]["result"] = lieOfPeers(calls[i].Method, result, choice)
		case string:
			if calls[i].Method == "getblockhash" {
				results[i]["result"] = fmt.Sprintf("%064x", choice)
			}
		}
	}
	changed, err := json.Marshal(results)
	if err != nil {
		return answer
	}
	return changed
}

func lieOfNode(method string, result map[string]any, choice int) {
	if method != "getblockchaininfo" {
		return
	}
	number, isNumber := result["blocks"].(json.Number)
	height, err := number.Int64()
	if !isNumber || err != nil {
		return
	}
	switch choice % 4 {
	case 0: // far ahead
		result["blocks"], result["headers"], result["bestblockhash"] = height+1000, height+1000, fmt.Sprintf("%064x", choice)
	case 1: // behind, on a branch of its own
		result["blocks"], result["bestblockhash"] = height/2, fmt.Sprintf("%064x", choice)
	case 2: // the same height on another branch
		result["bestblockhash"] = fmt.Sprintf("%064x", choice)
	case 3:
		result["chain"], result["time"], result["mediantime"] = "main", 1<<40, 1<<40
	}
}

func lieOfPeers(method string, result []any, choice int) []any {
	switch {
	case method == "getpeerinfo" && choice%3 == 0, method == "getaddednodeinfo" && choice%3 == 1:
		return []any{}
	case method == "getpeerinfo" && choice%3 == 1:
		// None of them exists.
		for i := range 100 {
			result = append(result, map[string]any{
				"id": 100_000 + i, "addr": fmt.Sprintf("10.78.0.%d:18444", 1+i), "addrbind": "10.78.1.1:18444", "inbound": i%2 == 0, "version": 70016,
				"subver": "/lie/", "services": "0000000000000409", "connection_type": "manual", "conntime": 1, "synced_headers": 1 << 40,
			})
		}
	case method == "getaddednodeinfo":
		result = append(result, map[string]any{"addednode": "10.78.0.1:18444", "connected": true, "addresses": []any{map[string]any{"address": "10.78.0.1:18444"}}})
	}
	return result
}

// answer is the one to a call.
type answer struct {
	ID     int
	Result any
}

func TestALieHasTheFormOfTheTruth(t *testing.T) {
	t.Parallel()
	request := []byte(`[{"id":0,"method":"getblockchaininfo","params":[]},{"id":1,"method":"getpeerinfo","params":[]},
		{"id":2,"method":"getblockhash","params":[1]},{"id":3,"method":"getaddednodeinfo","params":[]}]`)
	truth := []byte(`[{"id":0,"result":{"chain":"regtest","blocks":7,"bestblockhash":"00"},"error":null},
		{"id":1,"result":[{"id":1,"addr":"10.77.1.1:18444"}],"error":null},{"id":2,"result":"11","error":null},
		{"id":3,"result":[{"addednode":"10.77.1.1:18444","connected":true}],"error":null}]`)
	var honest []answer
	if err := json.Unmarshal(truth, &honest); err != nil {
		t.Fatal(err)
	}
	for choice := range 12 {
		got := lie(request, truth, choice)
		var results []answer
		if err := json.Unmarshal(got, &results); err != nil || len(results) != len(honest) {
			t.Fatalf("the lie %d is no answer to four calls: %s", choice, got)
		}
		for i, result := range results {
			// Every third choice has the peers as they are, and lies about the added nodes.
			lied := !reflect.DeepEqual(result.Result, honest[i].Result)
			if wanted := i != 1 || choice%3 != 2; result.ID != honest[i].ID || lied != wanted {
				t.Errorf("the answer to call %d of the lie %d is a lie: %t, and should be: %t: %s", i, choice, lied, wanted, got)
			}
		}
	}
	if got := lie([]byte(`[{"id":0,"method":"addnode"}]`), []byte(`[{"id":0,"result":null}]`), 1); !bytes.Contains(got, []byte("null")) {
		t.Errorf("the answer to a change is %s", got)
	}
}
