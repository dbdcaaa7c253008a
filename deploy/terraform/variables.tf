variable "function_name" {
  description = "The function's name, not its ARN."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,64}$", var.function_name))
    error_message = "A name has 1 to 64 letters, digits, hyphens and underscores; an ARN is none."
  }
}

variable "role_name" {
  description = "The name of the function's execution role, not its ARN. It gets an inline policy named hopguard."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9+=,.@_-]{1,64}$", var.role_name))
    error_message = "A role's name has 1 to 64 characters and no slash or colon; an ARN is none."
  }
}

variable "layer_arn" {
  description = "The ARN of a version of hopguard's layer that is published. null, and one is published from layer_zip."
  type        = string
  default     = null

  validation {
    condition     = var.layer_arn == null || can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:layer:[a-zA-Z0-9_-]+:[0-9]+$", var.layer_arn))
    error_message = "The ARN of a layer's version ends with its number, for example arn:aws:lambda:eu-central-1:123456789012:layer:hopguard:3."
  }
}

variable "layer_zip" {
  description = "The layer's zip file, as `cargo xtask layer` makes it. Not read where layer_arn is given."
  type        = string
  default     = null

  validation {
    condition     = (var.layer_arn == null) != (var.layer_zip == null)
    error_message = "Give layer_arn or layer_zip, one of the two."
  }
}

variable "architecture" {
  description = "What the layer's zip file was built for: x86_64 or arm64. It is the function's own architecture."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "The architecture is x86_64 or arm64."
  }
}

variable "objects_buckets" {
  description = "The buckets whose objects invoke the function, directly or through SNS, SQS or EventBridge, by name."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for bucket in var.objects_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", bucket))])
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens; an ARN is none."
  }
}

variable "quarantine_retention_seconds" {
  description = "How long a blocked record is kept, in seconds: 60 to 1209600 (14 days)."
  type        = number
  default     = 1209600

  validation {
    condition     = var.quarantine_retention_seconds >= 60 && var.quarantine_retention_seconds <= 1209600
    error_message = "SQS keeps a message for 60 to 1209600 seconds."
  }
}

variable "keep_failed_events" {
  description = "Whether asynchronous events that fail, or that come while the function is at 0, go to a queue of this module. It replaces the function's own configuration of asynchronous invocations."
  type        = bool
  default     = false
}

variable "metrics" {
  description = "Where the layer's metrics go: none, emf or cloudwatch. cloudwatch adds a permission."
  type        = string
  default     = "emf"

  validation {
    condition     = contains(["none", "emf", "cloudwatch"], var.metrics)
    error_message = "Metrics are none, emf or cloudwatch."
  }
}

variable "cooldown" {
  description = "How long after a trip EventBridge Scheduler restores what was reserved, for example 30m: 1m to 24h. null, and somebody has to resume the function."
  type        = string
  default     = null

  validation {
    condition     = var.cooldown == null || can(regex("^[1-9][0-9]{0,4}[smh]$", var.cooldown))
    error_message = "A cooldown is a number and a unit, s, m or h, for example 30m."
  }
}

variable "ledger_table" {
  description = "The name of the chain ledger's table, as the module ledger makes it. null, and chains have no budget."
  type        = string
  default     = null

  validation {
    condition     = var.ledger_table == null || can(regex("^[a-zA-Z0-9_.-]{3,255}$", var.ledger_table))
    error_message = "A table's name has 3 to 255 letters, digits, underscores, dots and hyphens; an ARN is none."
  }
}

variable "chain_budget" {
  description = "How many invocations one chain may have over all functions: 1 to 1000000. Not read without ledger_table."
  type        = number
  default     = 1000

  validation {
    condition     = var.chain_budget >= 1 && var.chain_budget <= 1000000 && floor(var.chain_budget) == var.chain_budget
    error_message = "A budget is a whole number from 1 to 1000000."
  }
}

variable "settings" {
  description = "Further variables of the function, such as HOPGUARD_MAX_VISITS. The output environment includes them."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name, _ in var.settings : startswith(name, "HOPGUARD_")])
    error_message = "The names of hopguard's settings begin with HOPGUARD_."
  }
}

variable "alarm_topic_arn" {
  description = "The ARN of the SNS topic that alarms go to. null, and there are no alarms."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic_arn == null || var.metrics != "none"
    error_message = "Alarms need metrics: set metrics to emf or cloudwatch."
  }
}

variable "tags" {
  description = "Tags of the queues and alarms."
  type        = map(string)
  default     = {}
}
