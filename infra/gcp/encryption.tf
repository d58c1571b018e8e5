# With `kms_key` set, everything at rest is encrypted by it: each service's own agent must be allowed to use the key.
locals {
  kms_agents = {
    artifactregistry = "gcp-sa-artifactregistry"
    firestore        = "gcp-sa-firestore"
    functions        = "gcf-admin-robot"
    pubsub           = "gcp-sa-pubsub"
    run              = "serverless-robot-prod"
    secretmanager    = "gcp-sa-secretmanager"
    storage          = "gs-project-accounts"
    workflows        = "gcp-sa-workflows"
  }
}

resource "google_kms_crypto_key_iam_member" "agent" {
  for_each = var.kms_key == null ? {} : local.kms_agents

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:service-${data.google_project.this.number}@${each.value}.iam.gserviceaccount.com"
}
