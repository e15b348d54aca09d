package backend

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/christianb93/bitcoin-controller/pkg/apis/bitcoincontroller/v1"
)

// Pages stay open for days.
func TestOneWrongAnswerDoesNotEndTheLightningNetworksOfAnOpenPage(t *testing.T) {
	w := newWorld(t)
	d := w.defines(nil, nil)
	network := w.lightningNetwork("ln", "net")
	w.starts("")
	w.in(w.lightning, channelOfLN, `"kind":"active"`)
	network = network.DeepCopy()
	network.Status.Channels[0].State = v1.LightningChannelInactive // no stream sends it: the next list has it
	if _, err := w.networks.BitcoincontrollerV1().LightningNetworks("ns").Update(t.Context(), network, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	d.replace(nil, errUndefined, true)
	w.in(w.lightning, channelOfLN, `"kind":"lost"`)
	w.eventually("page", `{"namespace":"ns","lightning":true}`)

	w = newWorld(t)
	d = w.defines(errUndefined, errUndefined)
	w.lightningNetwork("ln", "net")
	b := w.starts("")
	d.replace(apierrors.NewServerTimeout(lightningResource, "get", 1), apierrors.NewInternalError(errors.New("etcd")), true)
	defer b.View("net")()
	w.in(w.lightning, channelOfLN, `"kind":"active"`)
	w.eventually("page", `{"namespace":"ns","lightning":true}`)
}

func TestAMissingRightIsNoReasonAfterTheDefinitionHasGone(t *testing.T) {
	for name, discovery := range map[string]error{"known": errUndefined, "not yet known": nil, "not to be known": apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no discovery"))} {
		w := newWorld(t)
		d := w.defines(nil, errNoRight)
		b := w.starts("")
		w.eventually("page", `"noLightning":"your account has no right`)
		d.set(discovery, errUndefined)
		end := b.View("net")
		t.Log("that the definition has gone is " + name)
		w.eventually("page", `{"namespace":"ns"}`)
		end()
	}
}

// A definition stays in the cluster when the chart's Lightning networks are switched off. The right to them does not.
func TestAPageWithoutLightningNetworksRequestsNone(t *testing.T) {
	w := newWorld(t)
	w.defines(nil, errNoRight)
	w.lightningNetwork("ln", "net")
	created := w.lightningRequests()
	all := &Namespaces{Client: w.client, WithoutLightning: true, Failed: func(err error) { t.Error(err) }}
	w.opens(all, "ns")
	w.eventually("network/net", `"nodes":3`)
	if delta, _, _ := w.store.Since(""); string(delta.Set["page"]) != `{"namespace":"ns"}` || w.lightningRequests() != created {
		t.Errorf("the page is %s after %d requests", delta.Set["page"], w.lightningRequests()-created)
	}
}
