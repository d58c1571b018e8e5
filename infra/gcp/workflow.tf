# The incident's life. The YAML is deployed untouched; where the functions are comes from environment variables.
locals {
  workflow_source = file("${path.module}/../../workflows/incident.workflows.yaml")

  # What the YAML calls by name, and the settings it reads.
  asked_functions = {
    for name, manifest in local.manifests :
    name => manifest if length(regexall("\\bfunction: ${name}\\b", local.workflow_source)) > 0
  }
  workflow_settings = toset([for found in regexall("sys\\.get_env\\(\"([A-Z0-9_]+)\"", local.workflow_source) : found[0]])
}

resource "google_workflows_workflow" "incident" {
  name                = local.workflow
  region              = var.region
  description         = "From an alert to a published outcome"
  service_account     = google_service_account.workflow.id
  source_contents     = local.workflow_source
  call_log_level      = "LOG_ERRORS_ONLY"
  crypto_key_name     = var.kms_key
  deletion_protection = var.is_protected
  labels              = local.labels

  user_env_vars = merge(
    { for name in keys(local.asked_functions) : name => google_cloudfunctions2_function.function[name].service_config[0].uri },
    { for name, value in local.settings : name => value if contains(local.workflow_settings, name) },
  )

  depends_on = [
    google_cloud_run_v2_service_iam_member.workflow,
    google_kms_crypto_key_iam_member.agent,
    google_project_iam_member.agent,
  ]
}
