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
  description = "The runtime. The zip must be built for it: make package TARGET=3.12."
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
  description = "The IAM user in whose name the log service sends its alarms. Empty means no log alarm."
  type        = string
  default     = ""
}

variable "notify_on" {
  description = "Kinds of results that people get as a message: acted, needs_human, recovered, skipped."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.notify_on, ["acted", "needs_human", "recovered", "skipped"])) == 0
    error_message = "Kinds of results are acted, needs_human, recovered and skipped."
  }
}

variable "settings" {
  description = "Further settings by name, for example MAX_RESTARTING."
  type        = map(string)
  default     = {}

  validation {
    condition     = !anytrue([for name in keys(var.settings) : endswith(name, "_SECRETS") || name == "LEDGER_URL"])
    error_message = "Secrets, and the URL of a ledger, belong into the variable secrets, which is kept encrypted."
  }
}

variable "secrets" {
  description = "Settings that are secret, by name: DIRECT_SECRETS and its like for routes behind the API gateway, LEDGER_URL."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "image" {
  description = "An image in SWR to run instead of the zip, as docker push names it. Empty means the zip."
  type        = string
  default     = ""
}

variable "image_role" {
  description = "What your IAM calls the role that may fetch images: SWR Admin or SWR Administrator."
  type        = string
  default     = "SWR Administrator"
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

variable "check_enabled" {
  description = "false switches the daily check off."
  type        = bool
  default     = true
}

variable "check_schedule" {
  description = "When the timer checks: second, minute, hour, day, month, weekday, in the region's time zone."
  type        = string
  default     = "0 0 8 * * ?"
}

variable "verify_enabled" {
  description = "true looks after restarts every 15 minutes."
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
