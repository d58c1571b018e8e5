# Counters over the log lines of the functions. A line's `message` is an event name.
locals {
  # Of this deployment alone: a project may hold more.
  from_functions = "resource.type=\"cloud_run_revision\" resource.labels.service_name=(${join(" OR ", [for name in values(local.deployed_names) : "\"${name}\""])})"

  counters = {
    alerts_published       = { filter = "jsonPayload.message=\"alert_intake.published\"", labels = {} }
    incidents_started      = { filter = "jsonPayload.message=\"workflow_starter.decided\" jsonPayload.became=\"started\"", labels = {} }
    outcomes_published     = { filter = "jsonPayload.message=(\"outcome.published\" OR \"sweeper.last_message_sent\")", labels = {} }
    outcomes_unpublished   = { filter = "jsonPayload.message=(\"outcome.undelivered\" OR \"sweeper.unpublished\" OR \"sweeper.undelivered\" OR \"sweeper.gave_up\" OR \"sweeper.failed\")", labels = {} }
    steps_failed           = { filter = "jsonPayload.message=\"step.ended\" severity=\"ERROR\"", labels = { agent = "agent", error_type = "error_type" } }
    models_failed          = { filter = "jsonPayload.message=\"model.failed\"", labels = { agent = "agent", error_type = "error_type" } }
    traces_not_stored      = { filter = "jsonPayload.message=\"traces.not_stored\"", labels = { error_type = "error_type" } }
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
  filter           = "${local.from_functions} ${each.value.filter}"
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
