# Functions whose function.yaml names a `schedule` (unix-cron, UTC) are called by Cloud Scheduler.
resource "google_cloud_scheduler_job" "schedule" {
  for_each = local.scheduled_functions

  name             = "incident-copilot-${local.deployed_names[each.key]}"
  description      = "Calls ${each.key}"
  region           = var.region
  schedule         = each.value.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "${each.value.timeout_s}s"

  http_target {
    http_method = "POST"
    uri         = google_cloudfunctions2_function.function[each.key].service_config[0].uri
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode("{}")

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = google_cloudfunctions2_function.function[each.key].service_config[0].uri
    }
  }

  # No retry: the next call comes soon enough.
  retry_config {
    retry_count = 0
  }

  depends_on = [google_cloud_run_v2_service_iam_member.scheduler]
}
