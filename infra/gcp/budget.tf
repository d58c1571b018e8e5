# With `billing_account` set, the same channels are notified at 50, 90 and 100 % of the month's budget.
resource "google_billing_budget" "month" {
  for_each = toset(var.billing_account[*])

  billing_account = each.key
  display_name    = local.title

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }

  amount {
    specified_amount {
      units = tostring(var.monthly_budget_units)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]

    content {
      threshold_percent = threshold_rules.value
    }
  }

  dynamic "all_updates_rule" {
    for_each = length(local.channels) > 0 ? [local.channels] : []

    content {
      # A budget takes five channels at most.
      monitoring_notification_channels = slice(all_updates_rule.value, 0, min(5, length(all_updates_rule.value)))
    }
  }

  depends_on = [time_sleep.apis]
}
