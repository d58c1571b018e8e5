# The state's bucket is named by `make deploy`; nothing of it is written here.
terraform {
  required_version = ">= 1.9, < 2.0"

  backend "gcs" {}

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }

    # Of it only what google lacks: asking for a service's own account.
    google-beta = {
      source  = "hashicorp/google-beta"
      version = "~> 6.50"
    }

    time = {
      source  = "hashicorp/time"
      version = "~> 0.13"
    }
  }
}

provider "google" {
  project        = var.project_id
  region         = var.region
  default_labels = local.labels

  # The budgets API must know whose quota a person's own credentials use.
  billing_project       = var.project_id
  user_project_override = true
}

provider "google-beta" {
  project = var.project_id
  region  = var.region

  billing_project       = var.project_id
  user_project_override = true
}

data "google_project" "this" {
  project_id = var.project_id
}
