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

  tiles = [
    for index, title in keys(local.charts) : {
      xPos   = index % 2 * 24
      yPos   = floor(index / 2) * 12
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
    mosaicLayout = { columns = 48, tiles = local.tiles }
  })

  depends_on = [google_logging_metric.counter, google_logging_metric.distribution]
}
