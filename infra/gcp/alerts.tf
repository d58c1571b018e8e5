# When a person must look at Incident CoPilot itself. infra/README.md, "Runbook", says what each policy means.
locals {
  log_metric = "logging_googleapis_com:user_incident_copilot${local.word_suffix}"
  of_logs    = "{monitored_resource=\"cloud_run_revision\"}"

  # Pub/Sub, Workflows and Cloud Run measure these themselves.
  thresholds = {
    dead_letters = {
      severity = "CRITICAL"
      says     = "Messages could not be delivered and went to the dead-letter topic: alerts without an answer."
      filter = join(" AND ", [
        "resource.type = \"pubsub_subscription\"",
        "resource.label.subscription_id = monitoring.regex.full_match(\"${join("|", [for one in google_pubsub_subscription.dead : one.name])}\")",
        "metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\"",
      ])
      aligner   = "ALIGN_MAX"
      threshold = 0
    }
    messages_waiting = {
      severity = "WARNING"
      says     = "The oldest alert has waited for ten minutes: a function that Pub/Sub pushes to does not take it."
      filter = join(" AND ", [
        "resource.type = \"pubsub_subscription\"",
        "resource.label.subscription_id = monitoring.regex.full_match(\"${join("|", [for one in google_pubsub_subscription.push : one.name])}\")",
        "metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\"",
      ])
      aligner   = "ALIGN_MAX"
      threshold = 600
    }
    failed_executions = {
      severity = "CRITICAL"
      says     = "An execution failed, so its incident was not published: only post_process may fail an execution."
      filter = join(" AND ", [
        "resource.type = \"workflows.googleapis.com/Workflow\"",
        "resource.label.workflow_id = \"${local.workflow}\"",
        "metric.type = \"workflows.googleapis.com/finished_execution_count\"",
        "metric.label.status = \"FAILED\"",
      ])
      aligner   = "ALIGN_DELTA"
      threshold = 0
    }
    endpoints_failing = {
      severity = "CRITICAL"
      says     = "A public function answers 5xx: senders are asked to try again, and not all do."
      filter = join(" AND ", [
        "resource.type = \"cloud_run_revision\"",
        "resource.label.service_name = monitoring.regex.full_match(\"${join("|", [for name in keys(local.public_functions) : local.deployed_names[name]])}\")",
        "metric.type = \"run.googleapis.com/request_count\"",
        "metric.label.response_code_class = \"5xx\"",
      ])
      aligner   = "ALIGN_DELTA"
      threshold = 0
    }
  }

  # Incident CoPilot's own log lines, queried in PromQL.
  queries = {
    outcomes_missing = {
      severity = "CRITICAL"
      says     = "Fewer outcomes were published than incidents were started 30 minutes before."
      query = join("", [
        "sum(increase(${local.log_metric}_incidents_started${local.of_logs}[60m] offset 30m))",
        " - (sum(increase(${local.log_metric}_outcomes_published${local.of_logs}[90m])) or vector(0)) > 0.5",
      ])
    }
    published_to_nobody = {
      severity = "CRITICAL"
      says     = "No channel took a brief, so that nobody has it."
      query    = "sum(increase(${local.log_metric}_outcomes_unpublished${local.of_logs}[15m])) > 0.5"
    }
    channel_failing = {
      severity = "WARNING"
      says     = "A channel that is set up did not deliver, also where another one did."
      query    = "sum by (step, error_type) (increase(${local.log_metric}_deliveries_failed${local.of_logs}[15m])) > 0.5"
    }
    retries_given_up = {
      severity = "CRITICAL"
      says     = "A brief could not be delivered or published and is not tried again."
      query    = "sum(increase(${local.log_metric}_retries_given_up${local.of_logs}[60m])) > 0.5"
    }
    # The account is looked at once an hour.
    mail_refused = {
      severity = "CRITICAL"
      says     = "The mail account refuses its credentials: no brief goes out by mail until they are renewed."
      query    = "sum(increase(${local.log_metric}_mail_refused${local.of_logs}[75m])) > 0.5"
    }
    grant_ending = {
      severity = "WARNING"
      says     = "Gmail's grant ends within two days; mail stops then."
      query    = "sum(increase(${local.log_metric}_grants_ending${local.of_logs}[75m])) > 0.5"
    }
    forged = {
      severity = "CRITICAL"
      says     = "Something in an incident's trace was not signed by who should have written it."
      query    = "sum(increase(${local.log_metric}_answers_forged${local.of_logs}[15m])) > 0.5"
    }
    faults = {
      severity = "WARNING"
      says     = "Incident CoPilot met a fault of its own that no retry repairs."
      query    = "sum by (event) (increase(${local.log_metric}_faults${local.of_logs}[15m])) > 0.5"
    }
    spend = {
      severity = "WARNING"
      says     = "The models of the last hour cost more than `hourly_spend_usd`."
      query    = "sum(increase(${local.log_metric}_model_cost_usd_sum${local.of_logs}[60m])) > ${var.hourly_spend_usd}"
    }
  }

  channels = concat(values(google_monitoring_notification_channel.email)[*].id, var.notification_channels)
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.notification_emails)

  display_name = "${local.title}: ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }
  depends_on   = [time_sleep.apis]
}

resource "google_monitoring_alert_policy" "threshold" {
  for_each = local.thresholds

  display_name          = "${local.title}: ${each.key}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = local.labels

  conditions {
    display_name = each.key

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = "0s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content   = "${each.value.says} Runbook: infra/README.md, `${each.key}`."
    mime_type = "text/markdown"
  }

  depends_on = [time_sleep.apis]
}

resource "google_monitoring_alert_policy" "query" {
  for_each = local.queries

  display_name          = "${local.title}: ${each.key}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = local.labels

  conditions {
    display_name = each.key

    condition_prometheus_query_language {
      query               = each.value.query
      duration            = "0s"
      evaluation_interval = "60s"

      # A metric over log lines is there once the first line was counted, and Google refuses a query of one that is not.
      disable_metric_validation = true
    }
  }

  documentation {
    content   = "${each.value.says} Runbook: infra/README.md, `${each.key}`."
    mime_type = "text/markdown"
  }

  depends_on = [google_logging_metric.counter, google_logging_metric.distribution]
}
