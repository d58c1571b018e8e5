# Google's own accounts for a service. Google makes one when the service is first used, and nothing can be granted to it
# before. One that is made on request gets no role by itself. Source: "Create and grant roles to service agents", IAM.
locals {
  agent_roles = merge(
    {
      "pubsub.googleapis.com"    = "roles/pubsub.serviceAgent"
      "workflows.googleapis.com" = "roles/workflows.serviceAgent"
    },
    var.kms_key == null ? {} : {
      "artifactregistry.googleapis.com" = "roles/artifactregistry.serviceAgent"
      "firestore.googleapis.com"        = "roles/firestore.serviceAgent"
      "run.googleapis.com"              = "roles/run.serviceAgent"
      "secretmanager.googleapis.com"    = null
    },
  )

  agent_names = {
    "artifactregistry.googleapis.com" = "gcp-sa-artifactregistry"
    "cloudfunctions.googleapis.com"   = "gcf-admin-robot"
    "firestore.googleapis.com"        = "gcp-sa-firestore"
    "pubsub.googleapis.com"           = "gcp-sa-pubsub"
    "run.googleapis.com"              = "serverless-robot-prod"
    "secretmanager.googleapis.com"    = "gcp-sa-secretmanager"
    "storage.googleapis.com"          = "gs-project-accounts"
    "workflows.googleapis.com"        = "gcp-sa-workflows"
  }
  agents = {
    for service, name in local.agent_names :
    service => "serviceAccount:service-${data.google_project.this.number}@${name}.iam.gserviceaccount.com"
  }
}

# The same in every environment of a project; destroying one is no call to Google.
resource "google_project_service_identity" "agent" {
  provider = google-beta
  for_each = local.agent_roles

  service    = each.key
  depends_on = [time_sleep.apis]
}

resource "google_project_iam_member" "agent" {
  for_each = { for service, role in local.agent_roles : service => role if role != null }

  project    = var.project_id
  role       = each.value
  member     = local.agents[each.key]
  depends_on = [google_project_service_identity.agent]
}

# Cloud Storage makes its agent when it is asked which one it is.
data "google_storage_project_service_account" "agent" {
  for_each = toset(var.kms_key == null ? [] : ["storage"])

  depends_on = [time_sleep.apis]
}
