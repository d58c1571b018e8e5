variable "billing_account" {
  description = "Billing account that a monthly budget is made for, as 000000-000000-000000; null for no budget."
  type        = string
  default     = null
}

variable "branch" {
  description = "Regular expression of the branches whose pushes deploy; used with `repository`."
  type        = string
  default     = "^main$"
}

variable "environment" {
  description = "Which of several deployments in one project this is; production has the plain names. `make deploy` sets it."
  type        = string
  default     = "production"

  validation {
    condition     = var.environment == "production" || can(regex("^[a-z][a-z0-9]{0,6}$", var.environment))
    error_message = "An environment is production, or has at most seven small letters and digits, such as staging."
  }
}

variable "firestore_database" {
  description = "Name of the Firestore database, made by this deployment; another environment's name follows it. A new one, so that no other data is in it."
  type        = string
  default     = "incident-copilot"
}

variable "firestore_location" {
  description = "Location of the Firestore database, a region or a multi-region such as eur3; null for `region`."
  type        = string
  default     = null
}

variable "hourly_spend_usd" {
  description = "Cost of the models in one hour, in USD, above which the alert policy `spend` fires."
  type        = number
  default     = 5
}

variable "is_protected" {
  description = "Whether the database and the workflow refuse to be deleted; false is the first step of tearing down."
  type        = bool
  default     = true
}

variable "kms_key" {
  description = "Cloud KMS key in `region` that encrypts all that rests, as projects/…/cryptoKeys/…; null for Google's own."
  type        = string
  default     = null
}

variable "max_delivery_attempts" {
  description = "How often Pub/Sub delivers a message before it becomes a dead letter, 5 to 100."
  type        = number
  default     = 20

  validation {
    condition     = var.max_delivery_attempts >= 5 && var.max_delivery_attempts <= 100
    error_message = "Pub/Sub takes 5 to 100 attempts."
  }
}

variable "monthly_budget_units" {
  description = "Amount of the monthly budget in whole units of the billing account's currency."
  type        = number
  default     = 100
}

variable "notification_channels" {
  description = "Ids of notification channels that exist already and are notified when Incident CoPilot itself has trouble."
  type        = list(string)
  default     = []
}

variable "notification_emails" {
  description = "Mail addresses notified when Incident CoPilot itself has trouble. Not the on-call engineers of incidents."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.notification_emails) + length(var.notification_channels) > 0
    error_message = "Nobody would be notified when Incident CoPilot itself has trouble: set notification_emails, or notification_channels."
  }
}

variable "pinned_bundles" {
  description = "By function: SHA-256 of an earlier bundle that it is rolled back to."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for hash in values(var.pinned_bundles) : can(regex("^[0-9a-f]{64}$", hash))])
    error_message = "A bundle is named by the 64 hexadecimal digits of its SHA-256."
  }
}

variable "private_network" {
  description = "VPC network, and a free /28 of it, through which Grafana is reached; null when Grafana is public."
  type        = object({ network = string, cidr = string })
  default     = null
}

variable "project_id" {
  description = "Google Cloud project to deploy to; best one of its own."
  type        = string
}

variable "public_access" {
  description = "How anyone may call the public functions: allUsers, or unchecked where the organisation shares with its own domains only; `make deploy` then switches off Cloud Run's check of who calls."
  type        = string
  default     = "allUsers"

  validation {
    condition     = contains(["allUsers", "unchecked"], var.public_access)
    error_message = "public_access is allUsers or unchecked."
  }
}

variable "python_runtime" {
  description = "Runtime of the functions."
  type        = string
  default     = "python311"
}

variable "region" {
  description = "Region of everything."
  type        = string
}

variable "repository" {
  description = "Cloud Build repository (2nd gen) whose pushes deploy, as projects/…/repositories/…; null for none."
  type        = string
  default     = null
}

variable "settings" {
  description = "Environment variables by name, as .env.example lists them; each function gets those it is granted."
  type        = map(string)
  default     = {}
}

variable "workflow_name" {
  description = "Name of the workflow; another environment's name follows it."
  type        = string
  default     = "incident"
}
