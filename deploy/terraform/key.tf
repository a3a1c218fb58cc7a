# One key for the lake and for what is said about it: topics, log groups, settings.

locals {
  key_arn = var.create_key ? aws_kms_key.this[0].arn : var.kms_key_arn

  # Known before the resources are, so that a policy can name them without a circle.
  log_group_arns = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${var.name}-*", "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/ecs/${var.name}-*"]
  trail_arn      = var.create_trail ? "arn:${local.partition}:cloudtrail:${local.region}:${local.account}:trail/${var.name}" : var.trail_arn

  key_policy = {
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "AccountByIam"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "LogGroups"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.region}.${local.dns_suffix}" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = local.log_group_arns } }
      },
      {
        Sid       = "AlarmsAndFindings"
        Effect    = "Allow"
        Principal = { Service = ["cloudwatch.amazonaws.com", "sns.amazonaws.com"] }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
        }], length(local.in_fargate) == 0 ? [] : [{
        Sid       = "TaskFailed" # of EventBridge, see alarms.tf
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        }], var.logs_bucket_mode != "new" ? [] : [{
        Sid       = "Trail"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = ["kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
    }])
  }
}

resource "aws_kms_key" "this" {
  count = var.create_key ? 1 : 0

  description             = "${var.name}: the lake and what is said about it"
  enable_key_rotation     = true
  deletion_window_in_days = 30 # without it the lake cannot be read
  policy                  = jsonencode(local.key_policy)
  tags                    = var.tags
}

resource "aws_kms_alias" "this" {
  count = var.create_key ? 1 : 0

  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this[0].key_id
}
