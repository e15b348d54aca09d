package controller

import (
	"slices"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestWhatOthersPutIntoListsIsFound(t *testing.T) {
	const desired = `
template: {spec: {
  containers: [{name: bitcoind, env: [{name: POD_IP}], ports: [{containerPort: 1, name: rpc}, {containerPort: 2, name: p2p}], volumeMounts: [{name: data, mountPath: /data}, {name: data, mountPath: /tmp}]}],
  volumes: [{name: data}], tolerations: [{key: a, operator: Exists}]}}
args: [x, "y"]`
	for name, test := range map[string]struct {
		there string
		want  []string
	}{
		"nothing": {desired, nil},
		"defaults, in another order": {`
template: {spec: {restartPolicy: Always,
  containers: [{image: i, name: bitcoind, env: [{name: POD_IP}], ports: [{containerPort: 2, name: p2p, protocol: TCP}, {containerPort: 1, name: rpc}], volumeMounts: [{name: data, mountPath: /tmp}, {name: data, mountPath: /data}]}],
  volumes: [{name: data, emptyDir: {}}], tolerations: [{key: a, operator: Exists, effect: NoExecute}]}}
args: [x, "y"]
foreign/field: [1]`, nil},
		"a variable, a port, a mount, a volume, containers, an argument": {`
template: {spec: {
  containers: [{name: first}, {name: bitcoind, env: [{name: FOO, value: bar}, {name: POD_IP}], ports: [{containerPort: 1}, {containerPort: 3, name: rpc}, {containerPort: 2}],
    volumeMounts: [{name: data, mountPath: /data}, {name: data, mountPath: /more}, {name: data, mountPath: /tmp}]}, {name: last}],
  volumes: [{name: data}, {name: more}], tolerations: [{key: a, operator: Exists}, {key: b}]}}
args: [x, x, "y"]`, []string{
			"/spec/args/0",
			"/spec/template/spec/containers/2", "/spec/template/spec/containers/1/env/0", "/spec/template/spec/containers/1/ports/1",
			"/spec/template/spec/containers/1/volumeMounts/1", "/spec/template/spec/containers/0",
			"/spec/template/spec/tolerations/1", "/spec/template/spec/volumes/1",
		}},
	} {
		var want, there any
		if err := yaml.Unmarshal([]byte(desired), &want); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal([]byte(test.there), &there); err != nil {
			t.Fatal(err)
		}
		if got := strangers(there, want, "/spec"); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, test.want)
		}
	}
}

func TestComparisonLooksAtDesiredFieldsOnly(t *testing.T) {
	object := func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	for name, test := range map[string]struct {
		there, desired any
		want           bool
	}{
		"a default of the API server": {object("a", int64(1), "b", "default"), object("a", int64(1)), true},
		"a changed number":            {object("a", int64(1)), object("a", int64(0)), false},
		"a missing field":             {object(), object("a", false), false},
		"an item more in a list":      {[]any{"x", "y"}, []any{"x"}, false},
		"an empty list":               {nil, []any{}, true},
		"a nested change":             {object("a", []any{object("b", "c")}), object("a", []any{object("b", "d")}), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := contains(test.there, test.desired); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
