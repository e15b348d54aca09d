// Command bitcoind is none: for Kubernetes it is ready, and to JSON-RPC it answers garbage, another one each time. The
// integration tests put it in the place of a node.
package main

import (
	"fmt"
	"log"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

const rpc = ":18332"

var lies = []string{
	"", "null", "[]", "{}", "<html>sorry</html>", `[{"result":`, `{"result":{"blocks":-1},"error":null,"id":0}`,
	`[{"result":"x","id":0},{"result":[{}],"id":0},{"result":1e999,"id":1}]`,
	`[{"result":{"blocks":-7,"bestblockhash":"../../etc","chain":"main"},"error":null,"id":0},` +
		`{"result":[{"addr":"::::","id":-1,"version":"no"}],"error":null,"id":1},{"result":[{"addednode":"\u0000"}],"error":null,"id":2}]`,
	"\x00\xff\xfe" + strings.Repeat("a", 1<<16),
}

func main() {
	var asked atomic.Int64
	http.HandleFunc("GET /rest/chaininfo.json", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") })
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1)) % (len(lies) + 2)
		switch {
		case n < len(lies):
			fmt.Fprint(w, lies[n])
		case n == len(lies): // an answer that never ends
			for r.Context().Err() == nil {
				fmt.Fprint(w, strings.Repeat(" ", 1<<20))
			}
		default: // and one that never comes
			<-r.Context().Done()
		}
	})
	server := http.Server{Addr: rpc, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
