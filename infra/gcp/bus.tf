# One topic per topic a function.yaml names; what cannot be delivered goes to its dead-letter topic.
locals {
  # The topic alert_intake publishes to: the one workflow_starter subscribes to.
  alert_topic = local.topics_by_function["workflow_starter"]
  topics      = toset(values(local.topics_by_function))

  pubsub_agent = local.agents["pubsub.googleapis.com"]
}

resource "google_pubsub_topic" "topic" {
  for_each = local.topics

  name                       = each.key
  kms_key_name               = var.kms_key
  message_retention_duration = "604800s"

  depends_on = [time_sleep.apis, google_kms_crypto_key_iam_member.agent]
}

resource "google_pubsub_topic" "dead" {
  for_each = local.topics

  name                       = "${each.key}-dead"
  kms_key_name               = var.kms_key
  message_retention_duration = "2678400s"

  depends_on = [time_sleep.apis, google_kms_crypto_key_iam_member.agent]
}

# Holds dead letters until an operator looks: 31 days, the longest Pub/Sub keeps a message.
resource "google_pubsub_subscription" "dead" {
  for_each = local.topics

  name                       = "${each.key}-dead"
  topic                      = google_pubsub_topic.dead[each.key].id
  message_retention_duration = "2678400s"

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription" "push" {
  for_each = local.topics_by_function

  name  = "${each.value}-to-${local.deployed_names[each.key]}"
  topic = google_pubsub_topic.topic[each.value].id

  # Longer than the function may take, or Pub/Sub delivers again a message that is still being handled.
  ack_deadline_seconds       = min(600, local.manifests[each.key].timeout_s + 30)
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }

  push_config {
    # The path names the topic: functions-framework reads it there when a message comes as plain Pub/Sub JSON.
    push_endpoint = join("", [
      google_cloudfunctions2_function.function[each.key].service_config[0].uri,
      "/${google_pubsub_topic.topic[each.value].id}",
    ])

    oidc_token {
      service_account_email = google_service_account.bus.email
      audience              = google_cloudfunctions2_function.function[each.key].service_config[0].uri
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead[each.value].id
    max_delivery_attempts = var.max_delivery_attempts
  }

  depends_on = [google_pubsub_topic_iam_member.dead_letter, google_cloud_run_v2_service_iam_member.bus]
}

# Pub/Sub itself moves a message to the dead-letter topic: it publishes there and acknowledges here.
resource "google_pubsub_topic_iam_member" "dead_letter" {
  for_each = local.topics

  topic      = google_pubsub_topic.dead[each.key].id
  role       = "roles/pubsub.publisher"
  member     = local.pubsub_agent
  depends_on = [google_project_service_identity.agent]
}

resource "google_pubsub_subscription_iam_member" "dead_letter" {
  for_each = local.topics_by_function

  subscription = google_pubsub_subscription.push[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
  depends_on   = [google_project_service_identity.agent]
}
