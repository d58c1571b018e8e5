output "bundles" {
  description = "By function: SHA-256 of the bundle that is deployed; what `pinned_bundles` takes."
  value       = local.bundle_hashes
}

output "functions" {
  description = "URL of every function."
  value       = { for name, function in google_cloudfunctions2_function.function : name => function.service_config[0].uri }
}

output "public_functions" {
  description = "URL of every function that the outside may call."
  value = {
    for name, function in google_cloudfunctions2_function.function :
    name => function.service_config[0].uri if contains(keys(local.public_functions), name)
  }
}

output "unchecked_functions" {
  description = "Cloud Run's names of the public functions whose callers `make deploy` lets it not check."
  value       = var.public_access == "unchecked" ? [for name in keys(local.public_functions) : local.deployed_names[name]] : []
}

output "secrets" {
  description = "Secrets and the functions that read them; each counts as unset until `make secret NAME=…`."
  value = {
    for secret in local.known_secrets :
    secret => [for grant in values(local.secret_grants) : grant.function if grant.secret == secret]
  }
}

# Empty until alert_intake is deployed: another function may be deployed alone before it.
output "webhook_url" {
  description = "Where Grafana and Alertmanager post alerts."
  value = one([
    for name, function in google_cloudfunctions2_function.function :
    "${function.service_config[0].uri}/webhook/trigger_agent" if name == "alert_intake"
  ])
}
