# A way to a Grafana, Loki or Prometheus that only a VPC network reaches; without `private_network` there is none.
locals {
  telemetry_readers = [
    for name, manifest in local.manifests : name
    if contains(manifest.settings, "GRAFANA_HOST") || contains(manifest.settings, "PROMETHEUS_HOST")
  ]
  connector_id     = one(values(google_vpc_access_connector.telemetry)[*].id)
  connector_egress = var.private_network == null ? null : "PRIVATE_RANGES_ONLY"
}

resource "google_vpc_access_connector" "telemetry" {
  for_each = var.private_network == null ? {} : { telemetry = var.private_network }

  name          = "copilot-telemetry${local.suffix}"
  region        = var.region
  network       = each.value.network
  ip_cidr_range = each.value.cidr
  min_instances = 2
  max_instances = 3

  depends_on = [time_sleep.apis]
}
