# A bucket of our own for the logs, and a trail. A bucket that exists is not changed, unless manage_bucket_notification.

locals {
  new_logs = var.logs_bucket_mode == "new"
  # Whose folder the trail writes besides that of the organisation.
  trail_account = !local.new_logs ? local.account : split(":", local.trail_arn)[4]
  logs_arn      = "arn:${local.partition}:s3:::${var.logs_bucket_name}"
}

resource "aws_s3_bucket" "logs" {
  #checkov:skip=CKV_AWS_18:as for the lake, S3 data events of a trail say more than access logs do
  #checkov:skip=CKV_AWS_144:a copy in another Region is a choice; CloudTrail can deliver to two buckets
  #checkov:skip=CKV2_AWS_61:logs are kept until their owner says for how long; only uploads are cleaned up
  #checkov:skip=CKV2_AWS_62:it has notifications, in queue.tf
  count = local.new_logs ? 1 : 0

  bucket = var.logs_bucket_name
  tags   = var.tags

  depends_on = [aws_kms_key.this] # as for the lake
}

resource "aws_s3_bucket_public_access_block" "logs" {
  count = local.new_logs ? 1 : 0

  bucket                  = aws_s3_bucket.logs[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "logs" {
  count = local.new_logs ? 1 : 0

  bucket = aws_s3_bucket.logs[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "logs" {
  count = local.new_logs ? 1 : 0

  bucket = aws_s3_bucket.logs[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  count = local.new_logs ? 1 : 0

  bucket = aws_s3_bucket.logs[0].id

  rule {
    bucket_key_enabled = true # else each log that is read is a request to KMS

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = local.key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  count = local.new_logs ? 1 : 0

  bucket = aws_s3_bucket.logs[0].id

  rule {
    id     = "abort-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "logs" {
  count = local.new_logs ? 1 : 0

  bucket = aws_s3_bucket.logs[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.logs_arn, "${local.logs_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "TrailLooks"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:GetBucketAcl"
        Resource  = local.logs_arn
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      },
      {
        Sid       = "TrailWrites"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource = [
          for owner in compact([local.trail_account, var.organization_id]) :
          "${local.logs_arn}/${var.logs_prefix}AWSLogs/${owner}/*"
        ]
        Condition = {
          StringEquals = { "aws:SourceArn" = local.trail_arn, "s3:x-amz-acl" = "bucket-owner-full-control" }
        }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.logs]
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_252:the bucket notifies the queue; a topic of the trail would bring each log a second time
  #checkov:skip=CKV2_AWS_10:a copy in CloudWatch Logs costs more than everything here and is read by nothing here
  count = var.create_trail ? 1 : 0

  name                          = var.name
  s3_bucket_name                = aws_s3_bucket.logs[0].id
  s3_key_prefix                 = var.logs_prefix == "" ? null : trimsuffix(var.logs_prefix, "/")
  kms_key_id                    = local.key_arn
  is_multi_region_trail         = true
  include_global_service_events = true
  is_organization_trail         = var.organization_id != null
  enable_log_file_validation    = true
  tags                          = var.tags

  depends_on = [aws_s3_bucket_policy.logs]
}
