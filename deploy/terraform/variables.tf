variable "name" {
  description = "Begins the name of everything here."
  type        = string
  default     = "trailhound"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name: a small letter, then small letters, digits and dashes, 31 at most."
  }
}

variable "tags" {
  description = "Tags of everything that can have tags."
  type        = map(string)
  default     = {}
}

# ---- Release ----

variable "ingest_package" {
  description = "The zip trailhound-ingest-lambda-*.zip: a path here, or bucket and key. Not needed with ingest_runtime = \"fargate\"."
  type = object({
    path   = optional(string)
    bucket = optional(string)
    key    = optional(string)
  })
  default = {}

  validation {
    condition     = var.ingest_runtime != "lambda" || (var.ingest_package.path != null) != (var.ingest_package.bucket != null && var.ingest_package.key != null)
    error_message = "ingest_package: path, or bucket and key."
  }
}

variable "scheduled_package" {
  description = "The zip trailhound-lambda-*.zip, in the same way. Without it the functions run image_uri."
  type = object({
    path   = optional(string)
    bucket = optional(string)
    key    = optional(string)
  })
  default = {}

  validation {
    condition     = !(var.scheduled_package.path != null && var.scheduled_package.bucket != null)
    error_message = "scheduled_package: path, or bucket and key."
  }

  validation {
    condition     = (var.scheduled_package.bucket == null) == (var.scheduled_package.key == null)
    error_message = "scheduled_package: bucket and key go together."
  }
}

variable "image_uri" {
  description = "The container image in a private ECR repository of this Region, by digest. Needed for Fargate, and for functions without scheduled_package."
  type        = string
  default     = null

  validation {
    condition     = var.image_uri != null || (var.ingest_runtime == "lambda" && var.scheduled_runtime == "lambda" && (var.scheduled_package.path != null || var.scheduled_package.bucket != null))
    error_message = "image_uri is needed for Fargate, and for scheduled functions without scheduled_package."
  }

  validation {
    condition     = can(regex("(@sha256:[0-9a-f]{64}|:[A-Za-z0-9._-]+)$", coalesce(var.image_uri, ":none"))) && !endswith(coalesce(var.image_uri, ":none"), ":latest")
    error_message = "image_uri: name a digest or a version, not latest."
  }
}

variable "architecture" {
  description = "Processor: arm64 or x86_64. It has to be that of the zips and of the image."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture: arm64 or x86_64."
  }
}

variable "ingest_runtime" {
  description = "lambda and fargate read the queue: a function, or one worker that never stops. batch is a task that lists the bucket on ingest_schedule and needs no notifications: hours of lag, and the cheapest from 100 million events a day on."
  type        = string
  default     = "lambda"

  validation {
    condition     = contains(["lambda", "fargate", "batch"], var.ingest_runtime)
    error_message = "ingest_runtime: lambda, fargate or batch."
  }
}

variable "scheduled_runtime" {
  description = "What runs detect, compact and vacuum: lambda (15 minutes at most), or fargate tasks."
  type        = string
  default     = "lambda"

  validation {
    condition     = contains(["lambda", "fargate"], var.scheduled_runtime)
    error_message = "scheduled_runtime: lambda or fargate."
  }
}

# ---- Logs ----

variable "logs_bucket_mode" {
  description = "existing reads a bucket that is there, in this or another account, and does not change it. new makes one."
  type        = string
  default     = "existing"

  validation {
    condition     = contains(["existing", "new"], var.logs_bucket_mode)
    error_message = "logs_bucket_mode: existing or new."
  }
}

variable "logs_bucket_name" {
  description = "The bucket that the trail delivers to."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.logs_bucket_name))
    error_message = "logs_bucket_name: not the name of a bucket."
  }
}

variable "logs_prefix" {
  description = "The trail's key prefix: what stands before AWSLogs/ in the keys, with its slash."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([^/].*/)?$", var.logs_prefix))
    error_message = "logs_prefix: empty, or it ends in a slash and does not begin with one."
  }
}

variable "logs_account_id" {
  description = "Account that owns the bucket, if it is another one."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[0-9]{12}$", coalesce(var.logs_account_id, "000000000000")))
    error_message = "logs_account_id: twelve digits."
  }
}

variable "logs_kms_key_arn" {
  description = "Key that the logs of an existing bucket are encrypted with; null for SSE-S3."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", coalesce(var.logs_kms_key_arn, "arn:aws:kms:r:000000000000:key/x")))
    error_message = "logs_kms_key_arn: the ARN of a key; not of an alias, which a policy cannot name."
  }
}

variable "notifications" {
  description = "How an existing bucket says that a log came: sns (logs_topic_arn), eventbridge, s3 (with manage_bucket_notification), or none (you send to the queue)."
  type        = string
  default     = "sns"

  validation {
    condition     = contains(["sns", "eventbridge", "s3", "none"], var.notifications)
    error_message = "notifications: sns, eventbridge, s3 or none."
  }

  validation {
    condition     = var.ingest_runtime != "batch" || var.notifications == "none"
    error_message = "notifications: with ingest_runtime = \"batch\" nobody reads the queue, so they are \"none\"."
  }
}

variable "logs_topic_arn" {
  description = "With sns: the topic that the bucket, or the trail, publishes to."
  type        = string
  default     = null

  validation {
    condition     = var.logs_bucket_mode == "new" || var.notifications != "sns" || can(regex("^arn:[a-z-]+:sns:", coalesce(var.logs_topic_arn, "-")))
    error_message = "logs_topic_arn: notifications = \"sns\" needs the ARN of a topic."
  }
}

variable "event_bus_name" {
  description = "With eventbridge: the bus of this account on which the bucket's events arrive."
  type        = string
  default     = "default"
}

variable "manage_bucket_notification" {
  description = "Lets notifications = \"s3\" write the notifications of an existing bucket. They are ONE setting: what others have put there is lost. Only for a bucket of this account that notifies nobody else."
  type        = bool
  default     = false

  validation {
    condition     = var.logs_bucket_mode == "new" || (var.notifications == "s3") == var.manage_bucket_notification
    error_message = "manage_bucket_notification and notifications = \"s3\" go together: they overwrite what the bucket notifies today."
  }

  validation {
    condition     = !(var.manage_bucket_notification && var.logs_account_id != null)
    error_message = "manage_bucket_notification: the bucket of another account cannot be changed from here."
  }
}

variable "create_trail" {
  description = "With a new bucket: make a multi-Region trail as well, of the organisation if organization_id is given."
  type        = bool
  default     = false
}

variable "organization_id" {
  description = "With a new bucket: the organisation whose trail may write."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^o-[a-z0-9]{10,32}$", coalesce(var.organization_id, "o-0000000000")))
    error_message = "organization_id: o- and 10 to 32 letters or digits."
  }
}

variable "trail_arn" {
  description = "With a new bucket and a trail made elsewhere: its ARN. No other trail may write."
  type        = string
  default     = null

  validation {
    condition     = var.logs_bucket_mode != "new" || var.create_trail != (var.trail_arn != null)
    error_message = "trail_arn: a new bucket needs create_trail, or the trail_arn that may write to it."
  }
}

# ---- Lake ----

variable "lake_bucket_name" {
  description = "Name of the lake bucket; null lets AWS choose one that begins with name."
  type        = string
  default     = null
}

variable "lake_prefix" {
  description = "Folder of the lake in its bucket."
  type        = string
  default     = "trailhound"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", var.lake_prefix))
    error_message = "lake_prefix: names with slashes between them."
  }
}

variable "lake_encryption" {
  description = "aws:kms (the key of the module, or kms_key_arn) or AES256."
  type        = string
  default     = "aws:kms"

  validation {
    condition     = contains(["aws:kms", "AES256"], var.lake_encryption)
    error_message = "lake_encryption: aws:kms or AES256."
  }
}

variable "kms_key_arn" {
  description = "Your own key for lake, topics, log groups and settings, with create_key = false. Its policy needs the statements of the output key_policy."
  type        = string
  default     = null
}

variable "create_key" {
  description = "Make a key. A switch of its own, since kms_key_arn may not be known yet when Terraform plans."
  type        = bool
  default     = true

  validation {
    condition     = var.create_key == (var.kms_key_arn == null)
    error_message = "create_key = false and kms_key_arn go together."
  }
}

variable "noncurrent_days" {
  description = "Days that a deleted or overwritten object of the lake can be brought back."
  type        = number
  default     = 14

  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "noncurrent_days: at least 1."
  }
}

variable "intelligent_tiering_days" {
  description = "Days after which objects of the lake move to Intelligent-Tiering; 0 leaves them in Standard."
  type        = number
  default     = 0
}
