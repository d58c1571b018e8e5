# The APIs that are used. They stay enabled when the deployment is destroyed, because others may use them.
locals {
  services = toset([
    "artifactregistry.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
    "workflowexecutions.googleapis.com",
    "workflows.googleapis.com",
  ])

  # Asked for only by what an operator chose.
  chosen_services = toset(concat(
    local.uses_vertex ? ["aiplatform.googleapis.com"] : [],
    var.private_network == null ? [] : ["vpcaccess.googleapis.com"],
    var.kms_key == null ? [] : ["cloudkms.googleapis.com"],
    lookup(var.settings, "GMAIL_USER_EMAIL", "") == "" ? [] : ["gmail.googleapis.com"],
    var.billing_account == null ? [] : ["billingbudgets.googleapis.com"],
  ))
}

resource "google_project_service" "api" {
  for_each = setunion(local.services, local.chosen_services)

  project            = var.project_id
  service            = each.key
  disable_on_destroy = false
}

# Where everything is. Another region or environment on this state would mean to destroy it all and make it anew.
resource "terraform_data" "place" {
  input = { environment = var.environment, region = var.region }

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.output == { environment = var.environment, region = var.region }
      error_message = "This deployment is ${self.output.environment} in ${self.output.region}, not ${var.environment} in ${var.region}. Name its region, or another project or ENVIRONMENT; to move it, tear it down first."
    }
  }
}

# Google answers for a while as if an API that was just enabled were not.
resource "time_sleep" "apis" {
  create_duration = "60s"
  triggers        = { services = join(" ", [for api in google_project_service.api : api.service]) }
}
