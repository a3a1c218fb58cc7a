# ---- Detections and alerts ----

variable "detect_schedule" {
  description = "When the rules run over what is new."
  type        = string
  default     = "rate(5 minutes)"

  validation {
    condition     = can(regex("^(rate|cron)\\(.+\\)$", var.detect_schedule))
    error_message = "detect_schedule: rate(...) or cron(...)."
  }
}

variable "ingest_schedule" {
  description = "With ingest_runtime = \"batch\": when the bucket is listed."
  type        = string
  default     = "rate(4 hours)"
}

variable "batch_since" {
  description = "With ingest_runtime = \"batch\": how far back each run lists; whole days. After a longer outage run it once by hand with more."
  type        = string
  default     = "1d"

  validation {
    condition     = can(regex("^[0-9]+[dh]$", var.batch_since))
    error_message = "batch_since: days or hours, as 1d."
  }
}

variable "compact_schedule" {
  description = "When small files are merged."
  type        = string
  default     = "rate(6 hours)"
}

variable "vacuum_schedule" {
  description = "When files that no version of the last seven days needs are deleted."
  type        = string
  default     = "cron(17 3 * * ? *)"
}

variable "findings_emails" {
  description = "Addresses that get each finding."
  type        = list(string)
  default     = []
}

variable "findings_queue" {
  description = "Make an encrypted queue that is subscribed to the findings, for a SIEM or a ticket system to read."
  type        = bool
  default     = false
}

variable "config_layer_arn" {
  description = "A layer with trailhound.toml at its root, and the rules if that names /opt/rules. For functions from a zip; an image has its own files."
  type        = string
  default     = null
}

variable "privacy_key" {
  description = "The secret for pseudonyms, where trailhound.toml says key_env = \"TRAILHOUND_PRIVACY_KEY\". It is in the state of Terraform and in the settings of the function."
  type        = string
  default     = null
  sensitive   = true
}

variable "environment" {
  description = "More TRAILHOUND_* settings for everything that runs."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.environment) : startswith(name, "TRAILHOUND_") || name == "RUST_BACKTRACE"])
    error_message = "environment: only TRAILHOUND_* and RUST_BACKTRACE."
  }
}

# ---- Operations ----

variable "alarm_emails" {
  description = "Addresses that get the alarms."
  type        = list(string)
  default     = []
}

variable "lag_alarm_seconds" {
  description = "Age of the oldest log that waits in the queue at which there is an alarm."
  type        = number
  default     = 1800
}

variable "quiet_alarm_seconds" {
  description = "Time without a single log object after which there is an alarm. An organisation delivers every five minutes."
  type        = number
  default     = 3600

  validation {
    condition     = var.quiet_alarm_seconds % 60 == 0 && var.quiet_alarm_seconds >= 300 && var.quiet_alarm_seconds <= 86400
    error_message = "quiet_alarm_seconds: whole minutes, 5 minutes to a day."
  }
}

variable "batch_size" {
  description = "Most log objects of an invocation; each is one commit. Lambda sends 6 MB at most, about 2,500 notifications."
  type        = number
  default     = 1000

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10000
    error_message = "batch_size: 1 to 10000."
  }
}

variable "batch_window_seconds" {
  description = "How long Lambda waits for a batch to fill."
  type        = number
  default     = 60

  validation {
    condition     = var.batch_window_seconds >= 1 && var.batch_window_seconds <= 300
    error_message = "batch_window_seconds: 1 to 300."
  }
}

variable "ingest_concurrency" {
  description = "Invocations at a time. Writers of a Delta table take turns, so more of them fight for commits; 2 is the least that AWS takes."
  type        = number
  default     = 2

  validation {
    condition     = var.ingest_concurrency >= 2 && var.ingest_concurrency <= 10
    error_message = "ingest_concurrency: 2 to 10."
  }
}

variable "ingest_memory" {
  description = "MB for the ingest function; 1769 is one processor."
  type        = number
  default     = 1769
}

variable "scheduled_memory" {
  description = "MB for the functions detect, compact and vacuum."
  type        = number
  default     = 1769
}

variable "task_cpu" {
  description = "CPU units of each Fargate task; 1024 are one processor."
  type        = number
  default     = 1024
}

variable "task_memory" {
  description = "MB of each Fargate task."
  type        = number
  default     = 2048
}

variable "reserve_concurrency" {
  description = "Reserve one invocation each for detect, compact and vacuum. An account with a limit of 10 invocations cannot."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "Days that the logs of what runs are kept."
  type        = number
  default     = 365
}

variable "metrics_namespace" {
  description = "CloudWatch namespace; give each stack of an account its own."
  type        = string
  default     = "Trailhound"
}

# ---- Network ----

variable "subnet_ids" {
  description = "Private subnets to run in; empty runs the functions outside of a VPC. Fargate needs some."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.subnet_ids) > 0 || (var.ingest_runtime == "lambda" && var.scheduled_runtime == "lambda")
    error_message = "subnet_ids: Fargate runs in subnets."
  }
}

variable "security_group_ids" {
  description = "Security groups of what runs; they need TCP 443 outwards only."
  type        = list(string)
  default     = []

  validation {
    condition     = (length(var.security_group_ids) > 0) == (length(var.subnet_ids) > 0)
    error_message = "security_group_ids and subnet_ids go together."
  }
}

variable "vpc_endpoints" {
  description = "Make the endpoints that are needed: a gateway for S3 in these route tables, interfaces for the rest in subnet_ids, open to what has these security groups. Null if they are there, or if there is a way out."
  type = object({
    vpc_id             = string
    route_table_ids    = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.vpc_endpoints == null || length(var.subnet_ids) > 0
    error_message = "vpc_endpoints: needs subnet_ids."
  }
}

variable "assign_public_ip" {
  description = "Give Fargate tasks a public address, in public subnets without NAT."
  type        = bool
  default     = false
}
