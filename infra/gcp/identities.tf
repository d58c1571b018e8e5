# Who may do what: one account per function, given only what its function.yaml shows that it needs.
locals {
  uses_vertex = lower(lookup(var.settings, "GOOGLE_GENAI_USE_VERTEXAI", "false")) == "true"

  # A setting that names a resource shows its use: a function that reads INCIDENT_TOPIC publishes to it. Only a
  # subscriber of a topic sends a message to the dead-letter topic, and it never publishes to its own topic.
  listeners = keys(local.topics_by_function)
  publishers = [
    for name, manifest in local.manifests : name
    if contains(manifest.settings, "INCIDENT_TOPIC") && !contains(local.listeners, name)
  ]
  dead_letter_publishers = [
    for name, manifest in local.manifests : name
    if contains(manifest.settings, "DEAD_LETTER_TOPIC") && contains(local.listeners, name)
  ]
  # One of them that says `reads_traces_only` may read the database, and nothing else there.
  trace_writers = [for name, manifest in local.manifests : name if contains(manifest.settings, "FIRESTORE_DATABASE")]
  starters = [
    for name, manifest in local.manifests : name
    if contains(manifest.settings, "WORKFLOW_NAME") && contains(local.listeners, name)
  ]
  watchers = [
    for name, manifest in local.manifests : name
    if contains(manifest.settings, "WORKFLOW_NAME") && !contains(local.listeners, name)
  ]
  callback_senders = [for name, manifest in local.manifests : name if contains(manifest.settings, "WORKFLOW_CALLBACK_ROOT")]
  vertex_users     = [for name, manifest in local.manifests : name if contains(manifest.settings, "GOOGLE_GENAI_USE_VERTEXAI")]
}

resource "google_service_account" "function" {
  for_each = local.manifests

  account_id   = "${local.account_prefix}-${replace(each.key, "_", "-")}"
  display_name = "${local.title}: ${each.key}"

  lifecycle {
    precondition {
      condition     = length("${local.account_prefix}-${each.key}") <= 30
      error_message = "An account's id has at most 30 characters: the folder ${each.key} needs a shorter name, or the environment does."
    }
  }

  depends_on = [time_sleep.apis]
}

resource "google_service_account" "workflow" {
  account_id   = "${local.account_prefix}-workflow"
  display_name = "${local.title}: the workflow"
  depends_on   = [time_sleep.apis]
}

resource "google_service_account" "bus" {
  account_id   = "${local.account_prefix}-bus-push"
  display_name = "${local.title}: Pub/Sub's pushes"
  depends_on   = [time_sleep.apis]
}

resource "google_service_account" "scheduler" {
  account_id   = "${local.account_prefix}-scheduler"
  display_name = "${local.title}: Cloud Scheduler"
  depends_on   = [time_sleep.apis]
}

resource "google_service_account" "build" {
  account_id   = "${local.account_prefix}-build"
  display_name = "${local.title}: builds the functions' images"
  depends_on   = [time_sleep.apis]
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = toset(local.publishers)

  topic  = google_pubsub_topic.topic[local.alert_topic].id
  role   = "roles/pubsub.publisher"
  member = google_service_account.function[each.key].member
}

resource "google_pubsub_topic_iam_member" "dead_letter_publisher" {
  for_each = toset(local.dead_letter_publishers)

  topic  = google_pubsub_topic.dead[local.alert_topic].id
  role   = "roles/pubsub.publisher"
  member = google_service_account.function[each.key].member
}

resource "google_project_iam_member" "trace_writer" {
  for_each = toset(local.trace_writers)

  project = var.project_id
  role    = local.manifests[each.key].reads_traces_only ? "roles/datastore.viewer" : "roles/datastore.user"
  member  = google_service_account.function[each.key].member

  condition {
    title      = "incident-copilot-traces-only"
    expression = "resource.name == \"projects/${var.project_id}/databases/${local.database}\""
  }
}

# roles/workflows.invoker could also cancel executions and send their callbacks.
resource "google_project_iam_custom_role" "starter" {
  role_id     = "incidentCopilotWorkflowStarter${local.word_suffix}"
  title       = "${local.title}: start executions and find them again"
  permissions = ["workflows.executions.create", "workflows.executions.get", "workflows.executions.list"]
  depends_on  = [time_sleep.apis]
}

resource "google_project_iam_member" "starter" {
  for_each = toset(local.starters)

  project = var.project_id
  role    = google_project_iam_custom_role.starter.name
  member  = google_service_account.function[each.key].member
}

resource "google_project_iam_custom_role" "watcher" {
  role_id     = "incidentCopilotWorkflowWatcher${local.word_suffix}"
  title       = "${local.title}: see how executions ended"
  permissions = ["workflows.executions.get", "workflows.executions.list"]
  depends_on  = [time_sleep.apis]
}

resource "google_project_iam_member" "watcher" {
  for_each = toset(local.watchers)

  project = var.project_id
  role    = google_project_iam_custom_role.watcher.name
  member  = google_service_account.function[each.key].member
}

# An execution that waits for a person is woken at its callback URL.
resource "google_project_iam_custom_role" "callback_sender" {
  role_id     = "incidentCopilotCallbackAnswerer${local.word_suffix}"
  title       = "${local.title}: answer an execution that waits"
  permissions = ["workflows.callbacks.send"]
  depends_on  = [time_sleep.apis]
}

resource "google_project_iam_member" "callback_sender" {
  for_each = toset(local.callback_senders)

  project = var.project_id
  role    = google_project_iam_custom_role.callback_sender.name
  member  = google_service_account.function[each.key].member
}

resource "google_project_iam_member" "vertex_user" {
  for_each = toset(local.uses_vertex ? local.vertex_users : [])

  project = var.project_id
  role    = "roles/aiplatform.user"
  member  = google_service_account.function[each.key].member
}

resource "google_project_iam_member" "workflow_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.workflow.member
}

# Pub/Sub signs its pushes as the bus account.
resource "google_service_account_iam_member" "push_tokens" {
  service_account_id = google_service_account.bus.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent
  depends_on         = [google_project_service_identity.agent]
}

# The workflow may call the functions its YAML names.
resource "google_cloud_run_v2_service_iam_member" "workflow" {
  for_each = local.asked_functions

  name     = google_cloudfunctions2_function.function[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.workflow.member
}

resource "google_cloud_run_v2_service_iam_member" "bus" {
  for_each = local.topics_by_function

  name     = google_cloudfunctions2_function.function[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.bus.member
}

resource "google_cloud_run_v2_service_iam_member" "function" {
  for_each = local.askings

  name     = google_cloudfunctions2_function.function[each.value.asked].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.function[each.value.asker].member
}

resource "google_cloud_run_v2_service_iam_member" "scheduler" {
  for_each = local.scheduled_functions

  name     = google_cloudfunctions2_function.function[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler.member
}

# The public endpoints: they check a key or a signature themselves.
resource "google_cloud_run_v2_service_iam_member" "public" {
  for_each = { for name, manifest in local.public_functions : name => manifest if var.public_access == "allUsers" }

  name     = google_cloudfunctions2_function.function[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

# What a build of a function needs. Source: "Custom service account for Cloud Build", Cloud Run functions.
resource "google_project_iam_member" "build_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

resource "google_project_iam_member" "build_source" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  # What a build installs runs as this account. Terraform's state holds settings and names; nothing in it is built.
  condition {
    title      = "not-terraforms-state"
    expression = "!resource.name.startsWith(\"projects/_/buckets/${var.project_id}-incident-copilot-state\")"
  }
}

resource "google_artifact_registry_repository_iam_member" "build_images" {
  location   = var.region
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}
