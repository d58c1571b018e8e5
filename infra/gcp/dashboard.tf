# One page: what came in, what was published, what failed, what it cost and how long it took.
locals {
  charts = {
    "Alerts published"         = "sum(increase(${local.log_metric}_alerts_published${local.of_logs}[$${__interval}]))"
    "Incidents started"        = "sum(increase(${local.log_metric}_incidents_started${local.of_logs}[$${__interval}]))"
    "Briefs that nobody got"   = "sum(increase(${local.log_metric}_outcomes_unpublished${local.of_logs}[$${__interval}]))"
    "Channels that failed"     = "sum by (step) (increase(${local.log_metric}_deliveries_failed${local.of_logs}[$${__interval}]))"
    "Outcomes published"       = "sum(increase(${local.log_metric}_outcomes_published${local.of_logs}[$${__interval}]))"
    "Steps failed, by agent"   = "sum by (agent) (increase(${local.log_metric}_steps_failed${local.of_logs}[$${__interval}]))"
    "Offline instead of model" = "sum by (agent) (increase(${local.log_metric}_models_failed${local.of_logs}[$${__interval}]))"
    "Model cost, USD"          = "sum by (agent) (increase(${local.log_metric}_model_cost_usd_sum${local.of_logs}[$${__interval}]))"
    "Slowest steps, ms (p95)"  = "histogram_quantile(0.95, sum by (agent, le) (rate(${local.log_metric}_step_duration_ms_bucket${local.of_logs}[$${__interval}])))"
    "Dead letters"             = "sum by (subscription_id) (pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\",subscription_id=~\"${join("|", [for one in google_pubsub_subscription.dead : one.name])}\"})"
  }

  # Above the charts: what to ask them, so that nobody has to know the system first.
  guide = <<-EOT
    **Does every alert get an answer?** *Alerts published* become *Incidents started* (repeats, updates and held alerts start none), and each incident one of *Outcomes published* within 17 minutes. Alerts without incidents: look at `workflow-starter`. Incidents without outcomes: `make traces PROJECT_ID=…` names them.

    **Is something lost?** *Dead letters* above zero are alerts without an answer.

    **Are the answers whole?** *Steps failed* leave a brief without a part, *Offline instead of model* without a model's words.

    **What does it cost, and is it slow?** *Model cost*; `make spend PROJECT_ID=…` says the day. A step ends at its timeout whatever *Slowest steps* says.

    What to do: infra/README.md, *Runbook*. Stop everything: `make pause PROJECT_ID=… REGION=…`.
  EOT

  guide_tile = {
    xPos   = 0
    yPos   = 0
    width  = 48
    height = 14
    widget = { title = "How to read this page", text = { content = local.guide, format = "MARKDOWN" } }
  }

  tiles = [
    for index, title in keys(local.charts) : {
      xPos   = index % 2 * 24
      yPos   = local.guide_tile.height + floor(index / 2) * 12
      width  = 24
      height = 12
      widget = {
        title = title
        xyChart = {
          dataSets = [{
            plotType        = "LINE"
            targetAxis      = "Y1"
            timeSeriesQuery = { prometheusQuery = local.charts[title] }
          }]
        }
      }
    }
  ]
}

resource "google_monitoring_dashboard" "incident_copilot" {
  dashboard_json = jsonencode({
    displayName  = local.title
    labels       = local.labels
    mosaicLayout = { columns = 48, tiles = concat([local.guide_tile], local.tiles) }
  })

  depends_on = [google_logging_metric.counter, google_logging_metric.distribution]
}
