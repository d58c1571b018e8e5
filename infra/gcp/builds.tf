# The account that a release runs as (releases.tf). It may replace code, the workflow, and what watches them; not who may
# do what: that takes an operator's `make deploy`.
locals {
  deployer_roles = toset([
    "roles/artifactregistry.reader",
    "roles/cloudfunctions.developer",
    "roles/cloudscheduler.admin",
    "roles/iam.securityReviewer",
    "roles/logging.configWriter",
    "roles/logging.logWriter",
    "roles/monitoring.editor",
    "roles/secretmanager.viewer",
    # The provider names the project whose quota each call uses (`user_project_override`), which asks for this right.
    "roles/serviceusage.serviceUsageConsumer",
    "roles/viewer",
    "roles/workflows.editor",
  ])

  # What runs does so as an account of its own, and a function is built as another: who deploys it must be allowed to use
  # them.
  deployed_accounts = merge(
    { for name, account in google_service_account.function : name => account.name },
    { build = google_service_account.build.name },
    { scheduler = google_service_account.scheduler.name, workflow = google_service_account.workflow.name },
  )
}

resource "google_service_account" "deployer" {
  for_each = toset(var.repository == null ? [] : ["deployer"])

  account_id   = "${local.account_prefix}-deployer"
  display_name = "${local.title}: deploys functions from Cloud Build"
  depends_on   = [time_sleep.apis]
}

resource "google_project_iam_member" "deployer" {
  for_each = var.repository == null ? [] : local.deployer_roles

  project = var.project_id
  role    = each.key
  member  = google_service_account.deployer["deployer"].member
}

# Terraform reads back what it wrote: the blank first version of each secret, and never one with a value.
resource "google_project_iam_member" "deployer_blanks" {
  for_each = toset(var.repository == null ? [] : ["deployer"])

  project = var.project_id
  role    = "roles/secretmanager.secretAccessor"
  member  = google_service_account.deployer["deployer"].member

  condition {
    title      = "blank-first-versions-only"
    expression = "resource.type == \"secretmanager.googleapis.com/SecretVersion\" && resource.name.endsWith(\"/versions/1\")"
  }
}

resource "google_service_account_iam_member" "deployer" {
  for_each = var.repository == null ? {} : local.deployed_accounts

  service_account_id = each.value
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer["deployer"].member
}

resource "google_storage_bucket_iam_member" "deployer" {
  for_each = var.repository == null ? {} : {
    bundles = google_storage_bucket.bundles.name
    state   = local.state_bucket
  }

  bucket = each.value
  role   = "roles/storage.objectAdmin"
  member = google_service_account.deployer["deployer"].member
}
