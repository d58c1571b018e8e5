# With `kms_key` set, everything at rest is encrypted by it: each service's own agent must be allowed to use the key.
resource "google_kms_crypto_key_iam_member" "agent" {
  for_each = var.kms_key == null ? {} : local.agents

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
  depends_on    = [data.google_storage_project_service_account.agent, google_project_service_identity.agent]
}
