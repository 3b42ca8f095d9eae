{{- define "csi-3par.driver" -}}csi-3par.io{{- end -}}

{{- define "csi-3par.labels" -}}
app.kubernetes.io/name: csi-3par
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "csi-3par.selector" -}}
app.kubernetes.io/name: csi-3par
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* What every container but the node driver can do without. */ -}}
{{- define "csi-3par.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
