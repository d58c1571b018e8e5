# With `repository` set, each push to the branch is tested once and then deployed whole, by two builds. The one that runs
# tests, and whatever they install, holds no right to deploy. The other runs when Cloud Build itself reports that the
# first succeeded, and deploys only the commit that was tested.
locals {
  releases = toset(var.repository == null ? [] : ["release"])
  # `branch` is a regular expression, and the second build needs the branch itself.
  released_branch = "refs/heads/${trim(var.branch, "^$")}"
}

resource "google_service_account" "tester" {
  for_each = local.releases

  account_id   = "${local.account_prefix}-tester"
  display_name = "${local.title}: tests pushes in Cloud Build"
  depends_on   = [time_sleep.apis]
}

# Nothing but its own log.
resource "google_project_iam_member" "tester" {
  for_each = local.releases

  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.tester[each.key].member
}

# Cloud Build reports every build to a topic of this name, once there is one: a project has one, which production makes.
# Source: https://cloud.google.com/build/docs/subscribe-build-notifications
resource "google_pubsub_topic" "builds" {
  for_each = var.environment == "production" ? local.releases : []

  name         = "cloud-builds"
  kms_key_name = var.kms_key

  depends_on = [time_sleep.apis, google_kms_crypto_key_iam_member.agent]
}

# Without a filter on files: what is not deployed, such as a test, can still stop a release.
resource "google_cloudbuild_trigger" "test" {
  for_each = local.releases

  name            = "incident-copilot-test${local.suffix}"
  description     = "Tests a push; only then is it deployed"
  location        = var.region
  filename        = "infra/test.cloudbuild.yaml"
  service_account = google_service_account.tester[each.key].id

  repository_event_config {
    repository = var.repository

    push {
      branch = var.branch
    }
  }
}

resource "google_cloudbuild_trigger" "release" {
  for_each = local.releases

  name            = "incident-copilot-release${local.suffix}"
  description     = "Deploys what was tested"
  location        = var.region
  service_account = google_service_account.deployer["deployer"].id
  filter          = "_STATUS == \"SUCCESS\" && _TRIGGER == \"${google_cloudbuild_trigger.test[each.key].trigger_id}\""

  substitutions = {
    _ENVIRONMENT = var.environment
    _REGION      = var.region
    _SUFFIX      = local.suffix
    _STATUS      = "$(body.message.attributes.status)"
    _TESTED      = "$(body.message.data.substitutions.COMMIT_SHA)"
    _TRIGGER     = "$(body.message.data.buildTriggerId)"
  }

  pubsub_config {
    topic = "projects/${var.project_id}/topics/cloud-builds"
  }

  git_file_source {
    path       = "cloudbuild.yaml"
    repository = var.repository
    revision   = local.released_branch
    repo_type  = "GITHUB"
  }

  source_to_build {
    repository = var.repository
    ref        = local.released_branch
    repo_type  = "GITHUB"
  }

  depends_on = [google_pubsub_topic.builds]

  lifecycle {
    precondition {
      condition     = can(regex("^[A-Za-z0-9._/-]+$", trim(var.branch, "^$")))
      error_message = "`branch` must name one branch, as ^main$: what is deployed is that branch."
    }
  }
}
