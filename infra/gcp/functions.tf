# Every function, from its bundle. The hash of the bundle names the object, so that only what changed is deployed.
locals {
  # Workflows, Pub/Sub and Cloud Scheduler count as internal; one function calling another does not. Such a function is
  # open to the network and still accepts only calls signed by its invokers.
  open_functions = setunion(keys(local.public_functions), values(local.askings)[*].asked)

  # A rolled-back function keeps the bundle it is pinned to, whatever was built.
  bundle_hashes = {
    for name in keys(local.manifests) :
    name => lookup(var.pinned_bundles, name, filesha256("${local.build_folder}/${name}.zip"))
  }
}

resource "google_storage_bucket" "bundles" {
  #checkov:skip=CKV_GCP_62:It holds code without secrets; Cloud Audit Logs tell who wrote it
  name                        = local.bundles_bucket
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.is_protected

  versioning {
    enabled = true
  }

  dynamic "encryption" {
    for_each = var.kms_key[*]

    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [time_sleep.apis, google_kms_crypto_key_iam_member.agent]
}

# Earlier bundles stay in the bucket, because rolling back means naming one of them.
resource "google_storage_bucket_object" "bundle" {
  for_each = { for name in keys(local.manifests) : name => name if !contains(keys(var.pinned_bundles), name) }

  name            = "${each.key}/${filesha256("${local.build_folder}/${each.key}.zip")}.zip"
  bucket          = google_storage_bucket.bundles.name
  source          = "${local.build_folder}/${each.key}.zip"
  deletion_policy = "ABANDON"
}

resource "google_artifact_registry_repository" "images" {
  repository_id = "incident-copilot${local.suffix}"
  location      = var.region
  format        = "DOCKER"
  description   = "Images built from the bundles"
  kms_key_name  = var.kms_key

  cleanup_policies {
    id     = "keep-the-last-five"
    action = "KEEP"

    most_recent_versions {
      keep_count = 5
    }
  }

  cleanup_policies {
    id     = "delete-after-90-days"
    action = "DELETE"

    condition {
      older_than = "7776000s"
    }
  }

  depends_on = [time_sleep.apis, google_kms_crypto_key_iam_member.agent]
}

# A grant counts minutes after it is made, and the first build or start of a function fails before. Waited for again
# when a function or a secret is added.
resource "time_sleep" "grants" {
  create_duration = "120s"

  triggers = {
    build   = google_service_account.build.email
    secrets = sha256(join(" ", keys(local.secret_grants)))
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.build_images,
    google_project_iam_member.build_logs,
    google_project_iam_member.build_source,
    google_secret_manager_secret_iam_member.reader,
  ]
}

resource "google_cloudfunctions2_function" "function" {
  #checkov:skip=CKV_GCP_124:Only functions that say `public: true` are open; senders of alerts and GitHub stand outside
  for_each = local.manifests

  name         = local.deployed_names[each.key]
  location     = var.region
  description  = "${local.title}: ${each.key}"
  kms_key_name = var.kms_key

  build_config {
    runtime           = var.python_runtime
    entry_point       = each.value.entry_point
    service_account   = google_service_account.build.id
    docker_repository = google_artifact_registry_repository.images.id

    source {
      storage_source {
        bucket = google_storage_bucket.bundles.name
        object = "${each.key}/${local.bundle_hashes[each.key]}.zip"
      }
    }
  }

  service_config {
    available_memory                 = each.value.memory
    available_cpu                    = tostring(each.value.cpu)
    timeout_seconds                  = each.value.timeout_s
    min_instance_count               = each.value.min_instances
    max_instance_count               = each.value.max_instances
    max_instance_request_concurrency = each.value.concurrency
    service_account_email            = google_service_account.function[each.key].email
    ingress_settings                 = contains(local.open_functions, each.key) ? "ALLOW_ALL" : "ALLOW_INTERNAL_ONLY"
    all_traffic_on_latest_revision   = true
    vpc_connector                    = contains(local.telemetry_readers, each.key) ? local.connector_id : null
    vpc_connector_egress_settings    = contains(local.telemetry_readers, each.key) ? local.connector_egress : null

    environment_variables = local.environments[each.key]

    dynamic "secret_environment_variables" {
      for_each = toset(each.value.secrets)

      content {
        key        = secret_environment_variables.key
        project_id = var.project_id
        secret     = google_secret_manager_secret.secret[local.secret_grants["${each.key}/${secret_environment_variables.key}"].secret].secret_id
        # By number, so that a new version is a change that the next deployment makes.
        version = data.google_secret_manager_secret_version.latest[local.secret_grants["${each.key}/${secret_environment_variables.key}"].secret].version
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(keys(var.settings), local.known_settings)) == 0
      error_message = "No function reads these settings: ${join(", ", setsubtract(keys(var.settings), local.known_settings))}"
    }

    precondition {
      condition     = length(setintersection(keys(var.settings), flatten([for manifest in local.manifests : manifest.secrets]))) == 0
      error_message = "Secrets are kept in Secret Manager, never in `settings`: use `make secret NAME=…`."
    }
  }

  depends_on = [
    google_secret_manager_secret_version.unset,
    google_storage_bucket_object.bundle,
    terraform_data.place,
    time_sleep.grants,
  ]
}
