package chart_test

// cases are renders that together set every documented value to something else than its default (TestCasesSetEveryValue).
// Each has a golden file of its name under testdata/golden.
var cases = map[string]struct {
	release release
	values  string
}{
	"defaults": {},
	"the page in the cluster": {values: `
page:
  enabled: true
`},
	"the page of some namespaces": {values: `
watchNamespaces: [team-a, team-b]
imagePullSecrets: [{name: registry}]
priorityClassName: high
page:
  enabled: true
  image:
    repository: registry.example.com/kubectl-btcnet
    tag: v1.2.3
    digest: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    pullPolicy: Always
  audience: https://btcnet.example.com
  port: 9443
  tlsSecret: page-tls
  service:
    labels: {team: bitcoin}
    annotations: {example.com/owner: "1"}
  resources:
    requests: {cpu: 20m, memory: 48Mi}
    limits: {memory: 128Mi}
networkPolicy:
  pageFrom:
    - namespaceSelector:
        matchLabels: {kubernetes.io/metadata.name: ingress}
`},
	"two replicas": {values: `
replicas: 2
`},
	"no election": {values: `
leaderElection:
  enabled: false
`},
	"image by digest": {values: `
image:
  repository: registry.example.com:5000/team/operator
  tag: v1.2.3
  digest: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  pullPolicy: Always
imagePullSecrets:
  - name: registry
nodeImage:
  repository: registry.example.com:5000/team/bitcoind
  tag: "29.4"
  digest: sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210
`},
	"Lightning networks": {values: `
lightning:
  enabled: true
  image:
    repository: registry.example.com:5000/team/lnd
    tag: "0.21"
    digest: sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210
metrics:
  prometheusRule: {enabled: true}
networkPolicy:
  networks:
    enabled: true
    from:
      - podSelector: {matchLabels: {app: wallet}}
`},
	"settings of the operator": {values: `
masterKeySecret: my-key
rpcauthDelivery: init-container
pollInterval: 1m30s
maxConcurrentReconciles: 32
log:
  format: console
  level: debug
extraArgs: [--kube-api-qps=50, '--note="quoted"']
extraEnv:
  - name: HTTPS_PROXY
    value: http://proxy:3128
  - name: NODE
    valueFrom:
      fieldRef:
        fieldPath: spec.nodeName
`},
	"placed in the cluster": {values: `
replicas: 3
resources:
  requests: {cpu: 1, memory: 128Mi}
  limits: {cpu: 1500m, memory: 1Gi}
priorityClassName: system-cluster-critical
nodeSelector:
  pool: system
tolerations:
  - {key: system, operator: Exists, effect: NoSchedule}
affinity:
  podAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {app.kubernetes.io/name: bitcoin-controller}
topologySpreadConstraints:
  - {maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule}
  - maxSkew: 2
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: {matchLabels: {mine: "true"}}
podDisruptionBudget:
  maxUnavailable: 50%
`},
	"no disruption budget": {values: `
replicas: 2
podDisruptionBudget:
  enabled: false
`},
	"labels and annotations": {values: `
commonLabels: {team: bitcoin, app.kubernetes.io/name: must-not-win}
annotations: {example.com/owner: "1"}
podLabels: {sidecar: "no", app.kubernetes.io/instance: must-not-win}
podAnnotations: {example.com/scrape: "true", kubectl.kubernetes.io/default-container: other}
`},
	"other names": {release: release{name: "my.release", namespace: "elsewhere"}, values: `
nameOverride: btc
`},
	"a release that begins with a digit": {release: release{name: "7"}},
	"a name of its own": {values: `
fullnameOverride: chain-keeper
serviceAccount:
  name: keeper
  annotations: {example.com/role: keeper}
`},
	"a long name": {release: release{name: "a-release-with-a-name-that-is-as-long-as-helm-allows1"}},
	"rights without the chart": {values: `
serviceAccount:
  create: false
rbac:
  create: false
  aggregateRoles: Never
`},
	"watched namespaces": {values: `
watchNamespaces: [team-a, team-b]
defaultSecret: {enabled: true, password: secret}
networkPolicy: {networks: {enabled: true}}
`},
	"watched namespaces, the release's among them": {values: `
watchNamespaces: [team-a, bitcoin-system]
metrics: {secure: false}
rbac: {aggregateRoles: Always}
`},
	"definitions go with the chart": {values: `
crds:
  keep: false
`},
	"definitions without the chart": {values: `
crds:
  enabled: false
`},
	"no metrics": {values: `
metrics:
  enabled: false
  serviceMonitor: {enabled: true}
  prometheusRule: {enabled: true}
`},
	"metrics for everybody": {values: `
metrics:
  secure: false
  port: 9090
  serviceMonitor: {enabled: true}
`},
	"seen by Prometheus and Grafana": {values: `
metrics:
  readers:
    - {name: prometheus-k8s, namespace: monitoring}
  service:
    labels: {scrape: me}
    annotations: {example.com/scrape: me}
  serviceMonitor:
    enabled: true
    labels: {release: prometheus}
    interval: 15s
    scrapeTimeout: 5s
    authorization:
      credentials: {name: token, key: token}
    relabelings:
      - {action: labeldrop, regex: endpoint}
    metricRelabelings:
      - {action: drop, sourceLabels: [__name__], regex: go_.*}
  prometheusRule:
    enabled: true
    labels: {release: prometheus}
    for: 5m
dashboards:
  enabled: true
  labels: {grafana_dashboard: "yes"}
  annotations: {grafana_folder: Bitcoin}
networkPolicy:
  metricsFrom:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}
`},
	"alerts without an election": {values: `
leaderElection: {enabled: false}
metrics:
  prometheusRule: {enabled: true}
`},
	"networks protected": {values: `
networkPolicy:
  enabled: false
  networks:
    enabled: true
    namespaces: [one, two]
    from:
      - podSelector: {matchLabels: {app: wallet}}
`},
	"default Secret": {values: `
defaultSecret:
  enabled: true
  name: credentials
  namespaces: [one, two]
  user: alice
  password: "p: w#d '\"%$ é"
  keep: false
`},
	"smoke test elsewhere": {values: `
tests:
  namespace: playground
  timeout: 90s
`},
	"no smoke test": {values: `
tests:
  enabled: false
`},
}
