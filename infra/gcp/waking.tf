# What starts an investigation wakes every function that the workflow calls, by an empty message that each gets from a
# subscription of its own: they start beside each other while the alert is on its way. Where one does not start, its call
# does; so nothing is dead-lettered, and after ten minutes, the shortest retention, the message is of no use.
locals {
  wake_topic = "incident-wake${local.suffix}"
  wakers = [
    for name, manifest in local.manifests : name
    if contains(manifest.settings, "WAKE_TOPIC") && !contains(local.listeners, name)
  ]
}

# Not the account that pushes alerts, which calls workflow_starter alone: an invoker is bound to no path.
resource "google_service_account" "wake" {
  account_id   = "${local.account_prefix}-wake-push"
  display_name = "${local.title}: Pub/Sub's pushes that wake"
  depends_on   = [time_sleep.apis]
}

resource "google_service_account_iam_member" "wake_tokens" {
  service_account_id = google_service_account.wake.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent
  depends_on         = [google_project_service_identity.agent]
}

resource "google_pubsub_topic" "wake" {
  name         = local.wake_topic
  kms_key_name = var.kms_key

  depends_on = [time_sleep.apis, google_kms_crypto_key_iam_member.agent]
}

resource "google_pubsub_subscription" "wake" {
  for_each = local.asked_functions

  name                       = "${local.wake_topic}-to-${local.deployed_names[each.key]}"
  topic                      = google_pubsub_topic.wake.id
  ack_deadline_seconds       = 60
  message_retention_duration = "600s"

  expiration_policy {
    ttl = ""
  }

  push_config {
    push_endpoint = "${google_cloudfunctions2_function.function[each.key].service_config[0].uri}/wake"

    oidc_token {
      service_account_email = google_service_account.wake.email
      audience              = google_cloudfunctions2_function.function[each.key].service_config[0].uri
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  depends_on = [google_cloud_run_v2_service_iam_member.wake]
}

resource "google_pubsub_topic_iam_member" "waker" {
  for_each = toset(local.wakers)

  topic  = google_pubsub_topic.wake.id
  role   = "roles/pubsub.publisher"
  member = google_service_account.function[each.key].member
}

resource "google_cloud_run_v2_service_iam_member" "wake" {
  for_each = local.asked_functions

  name     = google_cloudfunctions2_function.function[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.wake.member
}
