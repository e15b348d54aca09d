{{- define "mailer.image" -}}
{{- $registry := .Values.global.imageRegistry | default .Values.image.registry -}}
{{- $end := printf ":%s" (.Values.image.tag | default .Chart.AppVersion) -}}
{{- with .Values.image.digest }}{{ $end = printf "@%s" . }}{{ end -}}
{{- printf "%s/%s%s" $registry .Values.image.repository $end -}}
{{- end -}}
