# Secret Manager holds every secret a function.yaml grants; who may read one is exactly what the grants say.
resource "google_secret_manager_secret" "secret" {
  for_each = local.known_secrets

  secret_id = each.key

  replication {
    dynamic "auto" {
      for_each = var.kms_key == null ? [true] : []
      content {}
    }

    # A key of Cloud KMS is in one region, so the secret does too.
    dynamic "user_managed" {
      for_each = var.kms_key[*]

      content {
        replicas {
          location = var.region

          customer_managed_encryption {
            kms_key_name = user_managed.value
          }
        }
      }
    }
  }

  depends_on = [time_sleep.apis, google_kms_crypto_key_iam_member.agent]
}

# A function does not start while a secret it mounts has no version, so each starts with a blank one, which the
# functions read as "not set". The values themselves are added by `make secret` and never seen by Terraform.
resource "google_secret_manager_secret_version" "unset" {
  for_each = local.known_secrets

  secret          = google_secret_manager_secret.secret[each.key].id
  secret_data     = " "
  deletion_policy = "ABANDON"

  lifecycle {
    ignore_changes = [enabled, secret_data]
  }
}

# The number of each secret's latest version, without its value.
data "google_secret_manager_secret_version" "latest" {
  for_each = local.known_secrets

  secret            = google_secret_manager_secret_version.unset[each.key].secret
  fetch_secret_data = false
}

resource "google_secret_manager_secret_iam_member" "reader" {
  for_each = local.secret_grants

  secret_id = google_secret_manager_secret.secret[each.value.secret].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function[each.value.function].member
}
