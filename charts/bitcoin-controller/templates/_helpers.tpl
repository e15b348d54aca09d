{{- define "bitcoin-controller.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* 50 characters leave room for the longest ending, "-metrics" and the like, in names that may have 63; the name of a release may have dots, that of a Service may not. */}}
{{- define "bitcoin-controller.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- /* A Service's name begins with a letter, a release's need not. */ -}}
{{- $full = ternary $full (printf "r%s" $full) (regexMatch "^[a-z]" $full) -}}
{{- default $full .Values.fullnameOverride | replace "." "-" | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* Cluster-scoped objects carry the namespace too: two releases of one name may live in two namespaces. */}}
{{- define "bitcoin-controller.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "bitcoin-controller.fullname" .) -}}
{{- end -}}

{{- define "bitcoin-controller.selectorLabels" -}}
app.kubernetes.io/name: {{ include "bitcoin-controller.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* What a label may hold: at most 63 characters, no plus sign, a letter or digit at the end. */}}
{{- define "bitcoin-controller.labelValue" -}}
{{- regexReplaceAll "[^A-Za-z0-9]+$" (. | replace "+" "_" | trunc 63) "" -}}
{{- end -}}

{{/* The chart's own labels win over commonLabels, since selectors depend on them. */}}
{{- define "bitcoin-controller.labels" -}}
{{- $own := dict
  "helm.sh/chart" (include "bitcoin-controller.labelValue" (printf "%s-%s" .Chart.Name .Chart.Version))
  "app.kubernetes.io/name" (include "bitcoin-controller.name" .)
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/version" (include "bitcoin-controller.labelValue" .Chart.AppVersion)
  "app.kubernetes.io/part-of" "bitcoin-controller"
  "app.kubernetes.io/managed-by" .Release.Service -}}
{{- toYaml (merge $own .Values.commonLabels) -}}
{{- end -}}

{{- define "bitcoin-controller.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "bitcoin-controller.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "bitcoin-controller.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}{{- with .Values.image.digest -}}@{{ . }}{{- end -}}
{{- end -}}

{{/* A repository with a tag or a digest, or a whole reference: nodeImage and lightning.image. */}}
{{- define "bitcoin-controller.imageOrReference" -}}
{{- .repository -}}
{{- with .tag -}}:{{ . }}{{- end -}}
{{- with .digest -}}@{{ . }}{{- end -}}
{{- end -}}

{{- define "bitcoin-controller.pageImage" -}}
{{- $image := .Values.page.image -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}{{- with $image.digest -}}@{{ . }}{{- end -}}
{{- end -}}

{{- define "bitcoin-controller.pageName" -}}
{{- include "bitcoin-controller.fullname" . }}-page
{{- end -}}

{{/* Not the operator's selector: the page must not become an endpoint of its Service. */}}
{{- define "bitcoin-controller.pageSelectorLabels" -}}
app.kubernetes.io/name: bitcoin-controller-page
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "bitcoin-controller.pageLabels" -}}
{{- $own := include "bitcoin-controller.pageSelectorLabels" . | fromYaml -}}
{{- toYaml (merge $own (include "bitcoin-controller.labels" . | fromYaml)) -}}
{{- end -}}

{{/* The restricted Pod Security Standard, for every container of the chart. */}}
{{- define "bitcoin-controller.containerSecurityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop:
    - ALL
readOnlyRootFilesystem: true
{{- end -}}

{{- define "bitcoin-controller.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* "true" or nothing. Whoever installs an operator for a few namespaces often has no permission to change the cluster's roles. */}}
{{- define "bitcoin-controller.aggregateRoles" -}}
{{- $mode := .Values.rbac.aggregateRoles -}}
{{- if and .Values.rbac.create (or (eq $mode "Always") (and (eq $mode "Auto") (not .Values.watchNamespaces))) -}}true{{- end -}}
{{- end -}}

{{/* The namespaces in which something is rendered for networks, as a JSON list: those given, else the watched ones, else the release's. */}}
{{- define "bitcoin-controller.namespaces" -}}
{{- coalesce .given .root.Values.watchNamespaces (list .root.Release.Namespace) | toJson -}}
{{- end -}}

{{/* Where an example or a test network can live: the release's namespace when it is watched, else the first that is. */}}
{{- define "bitcoin-controller.networkNamespace" -}}
{{- $watched := .Values.watchNamespaces -}}
{{- if or (not $watched) (has .Release.Namespace $watched) -}}
{{- .Release.Namespace -}}
{{- else -}}
{{- first $watched -}}
{{- end -}}
{{- end -}}
