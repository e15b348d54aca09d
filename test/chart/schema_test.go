package chart_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// wrongValues are values that the schema rejects, and what the message has: the value, as a path with slashes, and what is wrong with it.
var wrongValues = map[string]struct {
	values string
	want   []string
}{
	"an unknown value":                        {"replicaCount: 2", []string{"'replicaCount' not allowed"}},
	"an unknown value inside a map":           {"image: {name: x}", []string{"'/image'", "'name' not allowed"}},
	"an unknown value deep inside":            {"metrics: {serviceMonitor: {namespace: x}}", []string{"'/metrics/serviceMonitor'", "'namespace' not allowed"}},
	"a map that is a text":                    {"image: x:1", []string{"'/image'", "want object"}},
	"a tag that is a number":                  {"image: {tag: 1.10}", []string{"'/image/tag'", "want string"}},
	"a tag with a colon":                      {"image: {tag: 'a:b'}", []string{"'/image/tag'", "does not match"}},
	"a repository with a scheme":              {"image: {repository: 'https://ghcr.io/x'}", []string{"'/image/repository'"}},
	"a repository in capitals":                {"image: {repository: ghcr.io/Christian/x}", []string{"'/image/repository'"}},
	"no repository":                           {"image: {repository: ''}", []string{"'/image/repository'"}},
	"a digest without its algorithm":          {"image: {digest: '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}", []string{"'/image/digest'"}},
	"a digest that is too short":              {"nodeImage: {digest: 'sha256:0123'}", []string{"'/nodeImage/digest'"}},
	"a pull policy that does not exist":       {"image: {pullPolicy: Sometimes}", []string{"'/image/pullPolicy'", "'Always'"}},
	"a pull secret that is not an object":     {"imagePullSecrets: [registry]", []string{"'/imagePullSecrets/0'", "want object"}},
	"replicas as a text":                      {"replicas: '2'", []string{"'/replicas'", "want integer"}},
	"a negative number of replicas":           {"replicas: -1", []string{"'/replicas'", "minimum"}},
	"half a replica":                          {"replicas: 1.5", []string{"'/replicas'", "want integer"}},
	"two replicas without an election":        {"replicas: 2\nleaderElection: {enabled: false}", []string{"'/replicas'", "maximum"}},
	"a switch that is a text":                 {"leaderElection: {enabled: 'true'}", []string{"'/leaderElection/enabled'", "want boolean"}},
	"namespaces as a text":                    {"watchNamespaces: team-a,team-b", []string{"'/watchNamespaces'", "want array"}},
	"a namespace in capitals":                 {"watchNamespaces: [Team]", []string{"'/watchNamespaces/0'"}},
	"a namespace twice":                       {"watchNamespaces: [a, a]", []string{"'/watchNamespaces'", "equal"}},
	"no master key":                           {"masterKeySecret: ''", []string{"'/masterKeySecret'"}},
	"a delivery that does not exist":          {"rpcauthDelivery: sidecar", []string{"'/rpcauthDelivery'", "'image-volume'"}},
	"a wrong value under the earlier name":    {"helper: sidecar", []string{"'/helper'", "'image-volume'"}},
	"an interval without a unit":              {"pollInterval: '5'", []string{"'/pollInterval'"}},
	"an interval that is a number":            {"pollInterval: 5", []string{"'/pollInterval'", "want string"}},
	"no worker at all":                        {"maxConcurrentReconciles: 0", []string{"'/maxConcurrentReconciles'", "minimum"}},
	"a log format that does not exist":        {"log: {format: text}", []string{"'/log/format'", "'json'"}},
	"a log level that does not exist":         {"log: {level: warn}", []string{"'/log/level'", "'info'"}},
	"an argument that is a number":            {"extraArgs: [5]", []string{"'/extraArgs/0'", "want string"}},
	"a variable without a name":               {"extraEnv: [{value: x}]", []string{"'/extraEnv/0'", "'name'"}},
	"a variable whose value is a number":      {"extraEnv: [{name: X, value: 1}]", []string{"'/extraEnv/0/value'", "want string"}},
	"memory with a unit that does not exist":  {"resources: {limits: {memory: 256MB}}", []string{"'/resources/limits/memory'"}},
	"a node selector that is a switch":        {"nodeSelector: {gpu: true}", []string{"'/nodeSelector/gpu'", "want string"}},
	"a toleration with a mistyped effect":     {"tolerations: [{effect: NoScheduling}]", []string{"'/tolerations/0/effect'"}},
	"an affinity of an unknown kind":          {"affinity: {podAffinities: {}}", []string{"'/affinity'", "'podAffinities' not allowed"}},
	"a spread without a topology key":         {"topologySpreadConstraints: [{maxSkew: 1, whenUnsatisfiable: DoNotSchedule}]", []string{"'/topologySpreadConstraints/0'", "'topologyKey'"}},
	"a budget that is neither":                {"podDisruptionBudget: {maxUnavailable: half}", []string{"'/podDisruptionBudget/maxUnavailable'"}},
	"a label that is too long":                {"commonLabels: {a: " + strings.Repeat("x", 64) + "}", []string{"'/commonLabels/a'", "maxLength"}},
	"a label with a space":                    {"podLabels: {a: 'x y'}", []string{"'/podLabels/a'"}},
	"an annotation that is a number":          {"podAnnotations: {a: 1}", []string{"'/podAnnotations/a'", "want string"}},
	"aggregation as a switch":                 {"rbac: {aggregateRoles: true}", []string{"'/rbac/aggregateRoles'", "'Auto'"}},
	"the port of the health endpoints":        {"metrics: {port: 8081}", []string{"'/metrics/port'"}},
	"a privileged port":                       {"metrics: {port: 443}", []string{"'/metrics/port'", "minimum"}},
	"a reader without a namespace":            {"metrics: {readers: [{name: prometheus}]}", []string{"'/metrics/readers/0'", "'namespace'"}},
	"an interval that Prometheus cannot read": {"metrics: {serviceMonitor: {interval: 1.5m}}", []string{"'/metrics/serviceMonitor/interval'"}},
	"the page on the port of its health":      {"page: {port: 8081}", []string{"'/page/port'"}},
	"an audience for the shell":               {"page: {audience: 'a; rm'}", []string{"'/page/audience'"}},
	"the page's Secret as an object":          {"page: {tlsSecret: {name: x}}", []string{"'/page/tlsSecret'", "want string"}},
	"a peer of no kind":                       {"networkPolicy: {metricsFrom: [{}]}", []string{"'/networkPolicy/metricsFrom/0'"}},
	"a peer with a mistyped kind":             {"networkPolicy: {networks: {from: [{podselector: {}}]}}", []string{"'/networkPolicy/networks/from/0'", "'podselector' not allowed"}},
	"a namespace by its name alone":           {"networkPolicy: {networks: {from: [{namespaceSelector: {name: wallets}}]}}", []string{"'/networkPolicy/networks/from/0/namespaceSelector'", "'name' not allowed"}},
	"mistyped labels of a peer":               {"networkPolicy: {metricsFrom: [{podSelector: {matchLabel: {app: prometheus}}}]}", []string{"'/networkPolicy/metricsFrom/0/podSelector'", "'matchLabel' not allowed"}},
	"a peer's label that is a switch":         {"networkPolicy: {metricsFrom: [{podSelector: {matchLabels: {trusted: true}}}]}", []string{"'/networkPolicy/metricsFrom/0/podSelector/matchLabels/trusted'", "want string"}},
	"a peer's selector without anything":      {"networkPolicy: {metricsFrom: [{podSelector: null}]}", []string{"'/networkPolicy/metricsFrom/0/podSelector'", "want object"}},
	"an expression without an operator":       {"networkPolicy: {metricsFrom: [{podSelector: {matchExpressions: [{key: app}]}}]}", []string{"'/networkPolicy/metricsFrom/0/podSelector/matchExpressions/0'", "'operator'"}},
	"an expression with a mistyped operator":  {"networkPolicy: {metricsFrom: [{podSelector: {matchExpressions: [{key: app, operator: Is, values: [x]}]}}]}", []string{"'/networkPolicy/metricsFrom/0/podSelector/matchExpressions/0/operator'", "'In'"}},
	"an expression with a mistyped field":     {"networkPolicy: {metricsFrom: [{podSelector: {matchExpressions: [{key: app, operator: In, value: [x]}]}}]}", []string{"'/networkPolicy/metricsFrom/0/podSelector/matchExpressions/0'", "'value' not allowed"}},
	"addresses without a mask":                {"networkPolicy: {metricsFrom: [{ipBlock: {cidr: 10.0.0.1}}]}", []string{"'/networkPolicy/metricsFrom/0/ipBlock/cidr'"}},
	"addresses under another name":            {"networkPolicy: {metricsFrom: [{ipBlock: {cird: 10.0.0.0/8}}]}", []string{"'/networkPolicy/metricsFrom/0/ipBlock'", "'cidr'"}},
	"exceptions as a text":                    {"networkPolicy: {metricsFrom: [{ipBlock: {cidr: 10.0.0.0/8, except: 10.1.0.0/16}}]}", []string{"'/networkPolicy/metricsFrom/0/ipBlock/except'", "want array"}},
	"a spread with mistyped labels":           {"topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {app: x}}]", []string{"'/topologySpreadConstraints/0/labelSelector'", "'app' not allowed"}},
	"a user with a colon":                     {"defaultSecret: {user: 'a:b'}", []string{"'/defaultSecret/user'"}},
	"a user without a name":                   {"defaultSecret: {user: ''}", []string{"'/defaultSecret/user'"}},
	"a password of two lines":                 {"defaultSecret: {password: \"a\\nb\"}", []string{"'/defaultSecret/password'"}},
	"a password that is a number":             {"defaultSecret: {password: 1234}", []string{"'/defaultSecret/password'", "want string"}},
	"a name that no Secret may have":          {"defaultSecret: {name: My_Secret}", []string{"'/defaultSecret/name'"}},
	"a time limit that is a number":           {"tests: {timeout: 180}", []string{"'/tests/timeout'", "want string"}},
	"no time between two passes":              {"pollInterval: 0s", []string{"'/pollInterval'", "does not match"}},
	"no time at all, written at length":       {"tests: {timeout: 0.0h0m}", []string{"'/tests/timeout'", "does not match"}},
	"a repository with a tag":                 {"image: {repository: 'operator:28'}", []string{"'/image/repository'", "does not match"}},
	"a node image with two tags":              {"nodeImage: {repository: 'bitcoind:28', tag: '29'}", []string{"'/nodeImage/repository'", "does not match"}},
	"a tag behind a digest":                   {"nodeImage: {repository: 'a/bitcoind@sha256:" + strings.Repeat("a", 64) + "', tag: '29'}", []string{"'/nodeImage/repository'", "does not match"}},
	"a node image with two digests":           {"nodeImage: {repository: 'a/bitcoind@sha256:" + strings.Repeat("a", 64) + "', digest: 'sha256:" + strings.Repeat("b", 64) + "'}", []string{"'/nodeImage/repository'", "does not match"}},
	"a variable with two values":              {"extraEnv: [{name: X, value: x, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]", []string{"'/extraEnv/0'", "maxProperties"}},
	"a required value taken away":             {"image: {repository: null}", []string{"'/image'", "'repository'"}},
	"a required map taken away":               {"metrics: null", []string{"'metrics'"}},
	"a name that is too long":                 {"fullnameOverride: " + strings.Repeat("x", 51), []string{"'/fullnameOverride'", "maxLength"}},
	"a name that begins with a digit":         {"fullnameOverride: 1st", []string{"'/fullnameOverride'"}},
}

func TestWrongValuesAreRejected(t *testing.T) {
	for name, test := range wrongValues {
		t.Run(name, func(t *testing.T) {
			_, err := release{}.render(t, test.values)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the message lacks %q: %v", want, err)
				}
			}
		})
	}
}

func TestUsualValuesAreAccepted(t *testing.T) {
	for name, values := range map[string]string{
		"a registry with a port":               "image: {repository: 'localhost:5000/bitcoin-controller'}",
		"a repository without a registry":      "image: {repository: bitcoin-controller}",
		"a short hash as tag":                  "image: {tag: '0012345'}",
		"a whole reference as node image":      "nodeImage: {repository: 'registry:5000/a/bitcoind:29.4@sha256:" + strings.Repeat("a", 64) + "'}",
		"a digest for a tagged node image":     "nodeImage: {repository: 'registry:5000/bitcoind:29', digest: 'sha256:" + strings.Repeat("a", 64) + "'}",
		"a tag for a node image with a port":   "nodeImage: {repository: 'registry:5000/bitcoind', tag: '29'}",
		"a time of many parts":                 "pollInterval: 0h1m0.50s",
		"an interval shorter than ten seconds": "metrics: {serviceMonitor: {enabled: true, interval: 5s}}",
		"quantities of all kinds":              "resources: {requests: {cpu: 0.5, memory: 1e8}, limits: {cpu: 1500m, memory: 0.5Gi}}",
		"a limit taken away":                   "resources: {limits: null}",
		"no resources at all":                  "resources: null",
		"the operator switched off":            "replicas: 0",
		"the chart as part of another one":     "global: {imageRegistry: x}",
		"a node selector taken away":           "nodeSelector: null",
		"a toleration of everything":           "tolerations: [{operator: Exists}]",
		"a password with everything in it":     "defaultSecret: {enabled: true, password: \"'\\\"%{{ .Values }}: #\"}",
		"peers of all kinds": "networkPolicy: {metricsFrom: [{podSelector: {}}, {namespaceSelector: {matchLabels: {a/b: c}}, podSelector: {matchExpressions: [{key: a, operator: In, values: [a, b]}, " +
			"{key: b, operator: Exists}]}}, {ipBlock: {cidr: 'fd00::/8', except: ['fd00:1::/32']}}, {ipBlock: {cidr: 10.0.0.0/8}}]}",
		"no replica although nobody is elected": "replicas: 0\nleaderElection: {enabled: false}",
	} {
		t.Run(name, func(t *testing.T) {
			if objects := (release{}).objects(t, values); len(objects) == 0 {
				t.Error("nothing is rendered")
			}
		})
	}
}

// Schema and values.yaml have the same values, and no map accepts unknown ones.
func TestSchemaKnowsExactlyTheValues(t *testing.T) {
	var values, schema map[string]any
	for file, into := range map[string]*map[string]any{"values.yaml": &values, "values.schema.json": &schema} {
		text, err := os.ReadFile(filepath.Join(chartDir, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	properties := schema["properties"].(map[string]any)
	delete(properties, "global") // Helm's own
	compareKeys(t, "", values, schema)
	closed(t, "", schema)
}

func compareKeys(t *testing.T, path string, values, schema map[string]any) {
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		return
	}
	for _, key := range sortedKeys(values) {
		child, ok := properties[key].(map[string]any)
		if !ok {
			t.Errorf("values.yaml has %s/%s, the schema has not", path, key)
			continue
		}
		// An empty map is one that the user fills; its schema defines with what.
		if nested, ok := values[key].(map[string]any); ok && len(nested) > 0 {
			compareKeys(t, path+"/"+key, nested, child)
		}
	}
	if _, optional := map[string]bool{"/resources": true}[path]; optional {
		return
	}
	for _, key := range sortedKeys(properties) {
		child, ok := properties[key].(map[string]any)
		if ok && child["deprecated"] == true {
			continue // an earlier name, which no default hides
		}
		if _, ok := values[key]; !ok {
			t.Errorf("the schema has %s/%s, values.yaml has not", path, key)
		}
	}
}

// closed walks the schema: every object that lists its properties must forbid others.
func closed(t *testing.T, path string, node any) {
	switch node := node.(type) {
	case map[string]any:
		if _, lists := node["properties"]; lists && node["type"] == "object" && node["additionalProperties"] != false {
			t.Errorf("%s lets unknown values through", path)
		}
		for _, key := range sortedKeys(node) {
			closed(t, path+"/"+key, node[key])
		}
	case []any:
		for _, item := range node {
			closed(t, path, item)
		}
	}
}

func TestSchemaIsJSON(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(chartDir, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) {
		t.Error("values.schema.json is not JSON")
	}
}
