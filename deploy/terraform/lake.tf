# The lake. Its bucket has versions: whoever steals the role of the vacuum can delete evidence, and a vacuum with a
# mistake can, too. A bucket that is not empty is not destroyed by Terraform either. Delta overwrites one small object only (_last_checkpoint), so versions of the rest do not add up.

resource "aws_s3_bucket" "lake" {
  #checkov:skip=CKV_AWS_18:who reads the lake is in CloudTrail's own S3 data events; access logs would need another bucket
  #checkov:skip=CKV_AWS_144:what is lost can be made again from the logs; a copy in another Region is a choice
  #checkov:skip=CKV2_AWS_62:nobody waits for files of the lake; its readers look at the log of the table
  bucket        = var.lake_bucket_name
  bucket_prefix = var.lake_bucket_name == null ? "${var.name}-lake-" : null
  tags          = var.tags

  # Destroying begins with what depends on others: a bucket with objects refuses, and the key that reads them stays.
  depends_on = [aws_kms_key.this]
}

resource "aws_s3_bucket_public_access_block" "lake" {
  bucket                  = aws_s3_bucket.lake.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "lake" {
  bucket = aws_s3_bucket.lake.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "lake" {
  bucket = aws_s3_bucket.lake.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "lake" {
  bucket = aws_s3_bucket.lake.id

  rule {
    bucket_key_enabled = var.lake_encryption == "aws:kms"

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.lake_encryption
      kms_master_key_id = var.lake_encryption == "aws:kms" ? local.key_arn : null
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  bucket = aws_s3_bucket.lake.id

  # A writer that dies in an upload leaves parts that no listing shows and that cost like objects.
  rule {
    id     = "abort-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  rule {
    id     = "forget-old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = var.intelligent_tiering_days > 0 ? [var.intelligent_tiering_days] : []

    content {
      id     = "tier"
      status = "Enabled"

      filter {}

      transition {
        days          = rule.value
        storage_class = "INTELLIGENT_TIERING"
      }
    }
  }
}

resource "aws_s3_bucket_policy" "lake" {
  bucket = aws_s3_bucket.lake.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.lake.arn, "${aws_s3_bucket.lake.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.lake]
}
