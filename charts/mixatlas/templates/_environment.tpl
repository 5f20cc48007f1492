{{/* What the operator reads (operator/mixatlas/controller/settings.py), as a list of variables. */}}
{{- define "mixatlas.environment" -}}
{{- $plain := dict
      "HOME" "/tmp"
      "TMPDIR" "/tmp"
      "MPLCONFIGDIR" "/tmp/matplotlib"
      "MIXATLAS_PORT" "8080"
      "MIXATLAS_WORKERS" (.Values.workers | int | toString)
      "MIXATLAS_NAMESPACE" .Values.watchNamespace
      "MIXATLAS_TRAINER_IMAGE" (include "mixatlas.image" (dict "image" .Values.trainer.image "version" .Chart.AppVersion))
      "MIXATLAS_TRAINER_PULL_POLICY" .Values.trainer.image.pullPolicy
      "MIXATLAS_GPUS" (.Values.trainer.gpus | int | toString)
      "MIXATLAS_CACHE_VOLUME" (.Values.trainer.cacheVolume | empty | ternary "" (toJson .Values.trainer.cacheVolume))
      "MIXATLAS_CACHE_GIB" (.Values.trainer.cacheGiB | int | toString)
      "MIXATLAS_PULL_SECRETS" (include "mixatlas.pullSecrets" .)
      "MIXATLAS_POD_SECRET" .Values.storage.podSecretName
      "MIXATLAS_STORAGE_BUCKET" .Values.storage.bucket
      "MIXATLAS_STORAGE_PREFIX" .Values.storage.prefix
      "AWS_ENDPOINT_URL_S3" .Values.storage.endpoint
      "AWS_REGION" .Values.storage.region
      "AWS_CA_BUNDLE" (.Values.storage.caBundle.configMap | empty | ternary "" "/etc/mixatlas/ca/ca.crt")
      "MIXATLAS_POD_CA_BUNDLE" (.Values.storage.caBundle.configMap | empty | ternary "" (printf "%s/%s" .Values.storage.caBundle.configMap .Values.storage.caBundle.key)) }}
{{- /* A name that stood twice would make Helm's later patches go wrong. */}}
{{- $own := list }}
{{- range .Values.extraEnv }}{{ $own = append $own .name }}{{ end }}
{{- range $name, $value := $plain }}
{{- if and $value (not (has $name $own)) }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- range $name, $path := dict "MIXATLAS_LEASE_NAMESPACE" "metadata.namespace" "MIXATLAS_IDENTITY" "metadata.name" }}
{{- if not (has $name $own) }}
- name: {{ $name }}
  valueFrom: {fieldRef: {fieldPath: {{ $path }}}}
{{- end }}
{{- end }}
{{- with $secret := include "mixatlas.storageSecret" . }}
{{- range list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" "AWS_SESSION_TOKEN" }}
{{- if not (has . $own) }}
- name: {{ . }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: {{ . }}
      optional: {{ eq . "AWS_SESSION_TOKEN" }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "mixatlas.pullSecrets" -}}
{{- $names := list }}
{{- range .Values.imagePullSecrets }}{{ $names = append $names .name }}{{ end }}
{{- join "," $names }}
{{- end }}
