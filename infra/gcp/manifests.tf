# What there is to deploy: computed from functions/*/function.yaml, so that adding a function is adding a folder.
locals {
  functions_folder = "${path.module}/../../functions"
  build_folder     = "${path.module}/../../build"
  labels           = { app = "incident-copilot", environment = var.environment }

  # Production has the plain names. Those of another environment end with its own, and accounts, whose ids are short,
  # begin with it, so that both stand in one project.
  suffix         = var.environment == "production" ? "" : "-${var.environment}"
  word_suffix    = replace(local.suffix, "-", "_")
  title          = var.environment == "production" ? "Incident CoPilot" : "Incident CoPilot (${var.environment})"
  account_prefix = var.environment == "production" ? "copilot" : "cp-${var.environment}"
  database       = "${var.firestore_database}${local.suffix}"
  workflow       = "${var.workflow_name}${local.suffix}"
  bundles_bucket = "${var.project_id}-incident-copilot-bundles${local.suffix}"
  state_bucket   = "${var.project_id}-incident-copilot-state${local.suffix}"

  # Fields a function.yaml may leave out. Four requests at once are what functions-framework's threads serve on 1 CPU,
  # and Cloud Run takes several at once only from a whole CPU on.
  manifest_defaults = {
    public            = false
    cpu               = "1"
    concurrency       = 4
    min_instances     = 0
    max_instances     = 10
    reads_traces_only = false
    schedule          = null
    secret_names      = {}
    settings          = []
    secrets           = []
  }

  manifests = {
    for file in fileset(local.functions_folder, "*/function.yaml") :
    dirname(file) => merge(local.manifest_defaults, yamldecode(file("${local.functions_folder}/${file}")))
  }

  # Cloud Run takes no underscore in a name.
  deployed_names = { for name in keys(local.manifests) : name => "${replace(name, "_", "-")}${local.suffix}" }

  public_functions    = { for name, manifest in local.manifests : name => manifest if manifest.public }
  scheduled_functions = { for name, manifest in local.manifests : name => manifest if manifest.schedule != null }

  # By function: the topic whose messages are pushed to it.
  topics_by_function = {
    for name, manifest in local.manifests : name => "${manifest.trigger.topic}${local.suffix}" if can(manifest.trigger.topic)
  }

  # A secret of which every function that reads it has one of its own: nobody can sign for another.
  secrets_of_each = toset(["STEP_SIGNING_KEY"])

  # Every pair of a function and a secret that its function.yaml grants it, with the name in Secret Manager.
  secret_grants = merge([
    for name, manifest in local.manifests : {
      for secret in manifest.secrets : "${name}/${secret}" => {
        function = name
        secret   = "${contains(local.secrets_of_each, secret) ? "${secret}_${upper(name)}" : lookup(manifest.secret_names, secret, secret)}${local.suffix}"
      }
    }
  ]...)

  known_settings = toset(flatten([for manifest in local.manifests : manifest.settings]))
  known_secrets  = toset([for grant in values(local.secret_grants) : grant.secret])

  # The address of a function, put together: a function cannot get another's address from Terraform before it exists itself.
  addresses = {
    for name, deployed in local.deployed_names :
    name => "https://${deployed}-${data.google_project.this.number}.${var.region}.run.app"
  }

  # A function calls another when it is granted the setting of its address: POST_PROCESS_FUNCTION_URL is post_process's.
  function_urls = { for name, address in local.addresses : "${upper(name)}_FUNCTION_URL" => address }
  askings = merge([
    for name, manifest in local.manifests : {
      for asked in keys(local.manifests) : "${name}/${asked}" => { asker = name, asked = asked }
      if contains(manifest.settings, "${upper(asked)}_FUNCTION_URL")
    }
  ]...)

  # A public function is found by the setting named after its last word: APPROVAL_URL is pr_approval's.
  public_urls = merge([
    for name in keys(local.public_functions) : {
      for setting in local.known_settings :
      setting => local.addresses[name]
      if !endswith(setting, "_FUNCTION_URL") && can(regex("^[A-Z0-9_]+_URL$", setting)) && can(regex("(^|_)${lower(trimsuffix(setting, "_URL"))}$", name))
    }
  ]...)

  # What the deployment itself knows; an operator's `settings` win, except for project, region and addresses.
  settings = merge(
    { TRACES_PROVIDER = "firestore" },
    local.function_urls,
    local.public_urls,
    var.settings,
    {
      DEAD_LETTER_TOPIC    = "${local.alert_topic}-dead"
      FIRESTORE_DATABASE   = google_firestore_database.traces.name
      GOOGLE_CLOUD_PROJECT = var.project_id
      INCIDENT_TOPIC       = local.alert_topic
      WAKE_TOPIC           = local.wake_topic
      WORKFLOW_LOCATION    = var.region
      WORKFLOW_NAME        = local.workflow
    },
  )

  # A function gets the settings its function.yaml names and no other.
  environments = {
    for name, manifest in local.manifests : name => {
      for setting, value in local.settings : setting => value if contains(manifest.settings, setting)
    }
  }
}
