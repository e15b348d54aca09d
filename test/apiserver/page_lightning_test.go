package apiserver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/christianb93/bitcoin-controller/internal/plugin/cluster"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/backend"
	"github.com/christianb93/bitcoin-controller/internal/plugin/page/state"
	"github.com/christianb93/bitcoin-controller/internal/testtools"
	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
	"github.com/christianb93/bitcoin-controller/pkg/client/clientset/versioned"
	"github.com/christianb93/bitcoin-controller/test/apiserver"
)

// The definition is installed and deleted under an open page, which shows the networks all the time.
func TestTheLivePageFollowsTheDefinitionOfLightningNetworks(t *testing.T) {
	t.Parallel()
	e := apiserver.StartApart(t)
	ns := e.NewNamespace(t)
	ns.Create("net", v1.BitcoinNetworkSpec{Nodes: 1})
	networks, err := versioned.NewForConfig(e.Config)
	if err != nil {
		t.Fatal(err)
	}
	values := state.New()
	back, err := backend.Start(t.Context(), &cluster.Client{Namespace: ns.Name, Core: e.Clients, Networks: networks}, "", values)
	if err != nil {
		t.Fatal(err)
	}
	has := func(store *state.Store, key, want string) {
		t.Helper()
		testtools.Eventually(t, key+" to be "+want, apiserver.Limit, func() error {
			delta, _, _ := store.Since("")
			if got, exists := delta.Set[key]; !strings.HasPrefix(string(got), want) || exists != (want != "") {
				return fmt.Errorf("%q", got)
			}
			return nil
		})
	}
	without, with := fmt.Sprintf(`{"namespace":%q}`, ns.Name), fmt.Sprintf(`{"namespace":%q,"lightning":true}`, ns.Name)
	has(values, "network/net", `{"name":"net"`)
	has(values, "page", without)
	for _, name := range []string{"first", "again"} {
		e.InstallLightning(t)
		ns.CreateLightning(name, v1.LightningNetworkSpec{BitcoinNetwork: "net", Nodes: 2})
		back.View("net")() // a page is opened, and closed
		has(back.Lightning, "ln/"+name+"/node/1", `{"ordinal":1`)
		has(values, "page", with)
		e.RemoveLightning(t)
		has(back.Lightning, "ln/"+name+"/node/1", "")
		has(values, "page", without)
		has(values, "network/net", `{"name":"net"`)
	}
}
