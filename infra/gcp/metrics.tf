# Counters over the log lines of the functions. A line's `message` is an event name.
locals {
  # Of this deployment alone: a project may hold more.
  from_functions = "resource.type=\"cloud_run_revision\" resource.labels.service_name=(${join(" OR ", [for name in values(local.deployed_names) : "\"${name}\""])})"

  # Events of which several mean the same trouble; infra/README.md, "Runbook", says what each is.
  events = {
    outcomes_published = [
      "outcome.published",
      "sweeper.last_message_sent",
    ]
    outcomes_unpublished = [
      "outcome.undelivered",
      "sweeper.unpublished",
      "sweeper.undelivered",
    ]
    deliveries_failed = [
      "outbox.failed",
      "outbox.bug",
      "outbox.receivers_refused",
      "outbox.schedule_unread",
      "sweeper.schedule_unread",
      "sweeper.last_message_failed",
    ]
    retries_given_up = [
      "sweeper.gave_up",
      "sweeper.retries_given_up",
      "sweeper.last_message_sent",
    ]
    faults = [
      "step.bug",
      "post_process.bug",
      "sweeper.failed",
      "sweeper.incident_failed",
      "sweeper.unsettled",
      "sweeper.alert_unreadable",
      "sweeper.outcome_unreadable",
      "traces.unreadable",
      "traces.not_stored",
      "step.trace_unread",
      "step.answer_unreadable",
      "maintenance.unreadable",
      "code_host_webhook.failed",
      "incident_console.failed",
      "pr_approval.failed",
    ]
    answers_forged = [
      "step.answer_forged",
      "step.alert_forged",
    ]
  }
  any_of = {
    for name, events in local.events :
    name => "jsonPayload.message=(${join(" OR ", [for event in events : "\"${event}\""])})"
  }

  counters = {
    alerts_published       = { filter = "jsonPayload.message=\"alert_intake.published\"", labels = {} }
    incidents_started      = { filter = "jsonPayload.message=\"workflow_starter.decided\" jsonPayload.became=\"started\"", labels = {} }
    outcomes_published     = { filter = "${local.any_of.outcomes_published}", labels = {} }
    outcomes_unpublished   = { filter = "${local.any_of.outcomes_unpublished}", labels = {} }
    deliveries_failed      = { filter = "${local.any_of.deliveries_failed}", labels = { step = "step", error_type = "error_type" } }
    retries_given_up       = { filter = "${local.any_of.retries_given_up}", labels = {} }
    mail_refused           = { filter = "jsonPayload.message=\"sweeper.mail_refused\" OR (jsonPayload.message=\"outbox.failed\" jsonPayload.step=\"mail\" jsonPayload.error_type=(\"Refused\" OR \"Misconfigured\"))", labels = {} }
    grants_ending          = { filter = "jsonPayload.message=\"sweeper.grant_ending\"", labels = {} }
    faults                 = { filter = "${local.any_of.faults} severity>=ERROR", labels = { event = "message" } }
    steps_failed           = { filter = "jsonPayload.message=\"step.ended\" severity=\"ERROR\"", labels = { agent = "agent", error_type = "error_type" } }
    models_failed          = { filter = "jsonPayload.message=\"model.failed\"", labels = { agent = "agent", error_type = "error_type" } }
    answers_forged         = { filter = "${local.any_of.answers_forged}", labels = {} }
    messages_dead_lettered = { filter = "jsonPayload.message=\"workflow_starter.dead_lettered\"", labels = {} }
  }

  distributions = {
    model_cost_usd   = { field = "cost_usd", unit = "{USD}", scale = 0.0001 }
    step_duration_ms = { field = "duration_ms", unit = "ms", scale = 10 }
  }
}

resource "google_logging_metric" "counter" {
  for_each = local.counters

  name             = "incident_copilot${local.word_suffix}_${each.key}"
  filter           = "${local.from_functions} (${each.value.filter})"
  label_extractors = { for label, field in each.value.labels : label => "EXTRACT(jsonPayload.${field})" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    dynamic "labels" {
      for_each = each.value.labels

      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  depends_on = [time_sleep.apis]
}

resource "google_logging_metric" "distribution" {
  for_each = local.distributions

  name             = "incident_copilot${local.word_suffix}_${each.key}"
  filter           = "${local.from_functions} jsonPayload.message=\"step.ended\""
  value_extractor  = "EXTRACT(jsonPayload.${each.value.field})"
  label_extractors = { agent = "EXTRACT(jsonPayload.agent)" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = each.value.unit

    labels {
      key        = "agent"
      value_type = "STRING"
    }
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 40
      growth_factor      = 1.6
      scale              = each.value.scale
    }
  }

  depends_on = [time_sleep.apis]
}
