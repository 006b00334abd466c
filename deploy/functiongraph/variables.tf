variable "dry_run" {
  description = "true reports what the function would do, false acts. It has no default on purpose."
  type        = bool
  nullable    = false
}

variable "region" {
  description = "The region of the Kafka instances and of the function, for example eu-west-101."
  type        = string
}

variable "project_id" {
  description = "The project of the Kafka instances, 32 hexadecimal digits."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{32}$", var.project_id))
    error_message = "A project id has 32 hexadecimal digits."
  }
}

variable "project_name" {
  description = "The name of that project in IAM. Empty means that of the region's own project."
  type        = string
  default     = ""
}

variable "name" {
  description = "What the function is called, and what the names of everything else begin with."
  type        = string
  default     = "kafka-remediator"
}

variable "python" {
  description = "The runtime, which the zip must be built for: make package TARGET=3.12."
  type        = string
  default     = "3.12"

  validation {
    condition     = contains(["3.10", "3.12"], var.python)
    error_message = "The zip is built for Python 3.10 or 3.12."
  }
}

variable "people" {
  description = "E-mail addresses that hear of what needs a human. Each has to be confirmed once."
  type        = set(string)
}

variable "log_alarm_user" {
  description = "The IAM user in whose name the log service sends its alarms."
  type        = string
}

variable "settings" {
  description = "Further settings of the README's table, by name, for example MAX_RESTARTING."
  type        = map(string)
  default     = {}

  validation {
    condition     = !anytrue([for name in keys(var.settings) : endswith(name, "_SECRETS")])
    error_message = "Secrets belong into the variable secrets, which is kept encrypted."
  }
}

variable "secrets" {
  description = "What opens a route behind the API gateway, by name, for example DIRECT_SECRETS."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "enabled_actions" {
  description = "What events may ask for: restart, purge_failed, delete."
  type        = set(string)
  default     = ["restart"]
}

variable "allow_deleting" {
  description = "true grants the permission to delete, which a purge needs, too."
  type        = bool
  default     = false
}

variable "purge_enabled" {
  description = "true lets the timer delete every Kafka instance that failed to be created."
  type        = bool
  default     = false
}

variable "purge_schedule" {
  description = "When the timer purges: second, minute, hour, day, month, weekday, in the region's time zone."
  type        = string
  default     = "0 0 3 * * ?"
}

variable "api_gateway" {
  description = "A dedicated API gateway to open the webhook routes on, and one of its API groups."
  type        = object({ instance_id = string, group_id = string })
  default     = null
}
