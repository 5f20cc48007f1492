{{/* Names of at most 52 characters leave room for our suffixes under the limit of 63. */}}
{{- define "mixatlas.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "mixatlas.fullname" -}}
{{- $name := include "mixatlas.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "mixatlas.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mixatlas.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mixatlas.labels" -}}
{{ include "mixatlas.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "mixatlas.serviceAccountName" -}}
{{- $default := ternary (include "mixatlas.fullname" .) "default" .Values.serviceAccount.create }}
{{- default $default .Values.serviceAccount.name }}
{{- end }}

{{- define "mixatlas.subjects" -}}
- kind: ServiceAccount
  name: {{ include "mixatlas.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* A reference to an image. Takes {image, version}. */}}
{{- define "mixatlas.image" -}}
{{- if .image.digest }}
{{- printf "%s@%s" .image.repository .image.digest }}
{{- else }}
{{- printf "%s:%s" .image.repository (default .version .image.tag) }}
{{- end }}
{{- end }}

{{/* Name of the Secret with the operator's credentials; empty where its identity is used. */}}
{{- define "mixatlas.storageSecret" -}}
{{- with .Values.storage }}
{{- if ne (empty .accessKeyId) (empty .secretAccessKey) }}
{{- fail "storage: accessKeyId and secretAccessKey go together" }}
{{- end }}
{{- if and .existingSecret .accessKeyId }}
{{- fail "storage: give existingSecret, or accessKeyId and secretAccessKey, not both" }}
{{- end }}
{{- if .existingSecret }}
{{- .existingSecret }}
{{- else if .accessKeyId }}
{{- include "mixatlas.fullname" $ }}-storage
{{- end }}
{{- end }}
{{- end }}

{{- define "mixatlas.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
