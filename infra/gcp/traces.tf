# The trace of every run. No composite index is needed: an incident carries one time per state (`age.<state>`).
locals {
  collections = {
    incidents = lookup(var.settings, "TRACE_COLLECTION", "incidents")
    leases    = lookup(var.settings, "TRACE_LEASE_COLLECTION", "leases")
    texts     = lookup(var.settings, "TRACE_TEXT_COLLECTION", "texts")
    outcome   = "outcome"
    runs      = "runs"
    answers   = "answers"
  }

  # Payloads are never queried: an index entry for each would cost storage and a write.
  unindexed = {
    "incidents/alert"   = { collection = "incidents", field = "alert" }
    "incidents/outcome" = { collection = "incidents", field = "outcome" }
    "incidents/hold"    = { collection = "incidents", field = "hold" }
    "leases/value"      = { collection = "leases", field = "value" }
    "runs/entry"        = { collection = "runs", field = "entry" }
    "answers/body"      = { collection = "answers", field = "body" }
    "texts/body"        = { collection = "texts", field = "body" }
  }
}

resource "google_firestore_database" "traces" {
  name                              = local.database
  location_id                       = coalesce(var.firestore_location, var.region)
  type                              = "FIRESTORE_NATIVE"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.is_protected ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.is_protected ? "ABANDON" : "DELETE"

  dynamic "cmek_config" {
    for_each = var.kms_key[*]

    content {
      kms_key_name = cmek_config.value
    }
  }

  depends_on = [time_sleep.apis, google_kms_crypto_key_iam_member.agent]
}

# Firestore deletes a document within a day after its `expire_at`; TRACE_TTL_DAYS says when that is.
resource "google_firestore_field" "expiry" {
  for_each = local.collections

  database   = google_firestore_database.traces.name
  collection = each.value
  field      = "expire_at"

  # Times that only grow would make one hot spot of their index, and no query uses them.
  index_config {}
  ttl_config {}
}

resource "google_firestore_field" "unindexed" {
  for_each = local.unindexed

  database   = google_firestore_database.traces.name
  collection = local.collections[each.value.collection]
  field      = each.value.field

  index_config {}
}
