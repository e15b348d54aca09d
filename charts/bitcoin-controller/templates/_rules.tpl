{{/*
What the operator may do where networks live: in all namespaces, or in those of watchNamespaces. No Secret is among it, and
what people write in a network's spec is not the operator's to change. To get one thing gives nothing that list does not give.
Owner references that block deletion need the right on finalizers where the cluster checks them (OpenShift does).
*/}}
{{- define "bitcoin-controller.networkRules" -}}
{{- $kinds := list "bitcoinnetworks" -}}
{{- if .Values.lightning.enabled }}
{{- $kinds = append $kinds "lightningnetworks" }}
{{- end }}
{{- range $kinds }}
- apiGroups: [bitcoincontroller.christianb93.github.com]
  resources: [{{ . }}]
  verbs: [get, list, watch]
- apiGroups: [bitcoincontroller.christianb93.github.com]
  resources: [{{ . }}/status]
  verbs: [patch]
- apiGroups: [bitcoincontroller.christianb93.github.com]
  resources: [{{ . }}/finalizers]
  verbs: [update]
{{- end }}
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
# When storage.size has grown. Claims are never deleted by the operator.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, patch]
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* What the operator needs in its own namespace: the election, its events, and the Secret with its master key. */}}
{{- define "bitcoin-controller.ownRules" -}}
# A right to create cannot be limited to a name.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [bitcoin-controller.bitcoincontroller.christianb93.github.com]
  verbs: [get, update]
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ .Values.masterKeySecret | quote }}]
  verbs: [get, list, watch]
{{- end -}}

{{/* What the page in the cluster reads for its viewers. No pods: their specifications have what is no viewer's business. */}}
{{- define "bitcoin-controller.pageRules" -}}
- apiGroups: [bitcoincontroller.christianb93.github.com]
  resources: [bitcoinnetworks{{ if .Values.lightning.enabled }}, lightningnetworks{{ end }}]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [list, watch]
{{- end -}}
