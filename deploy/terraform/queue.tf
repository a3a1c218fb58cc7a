# What came and is not in the lake yet, and how it gets known.

locals {
  in_batch       = var.ingest_runtime == "batch"
  by_s3          = !local.in_batch && (local.new_logs || var.manage_bucket_notification)
  by_sns         = !local.new_logs && var.notifications == "sns"
  by_eventbridge = !local.new_logs && var.notifications == "eventbridge"
  logs_keys      = "${var.logs_prefix}AWSLogs/"

  # Who may send, and for whom.
  senders = concat(
    local.by_s3 ? [{ service = "s3.amazonaws.com", source = local.logs_arn }] : [],
    local.by_sns ? [{ service = "sns.amazonaws.com", source = var.logs_topic_arn }] : [],
    local.by_eventbridge ? [{ service = "events.amazonaws.com", source = aws_cloudwatch_event_rule.logs[0].arn }] : [],
  )
}

resource "aws_sqs_queue" "logs" {
  name                       = "${var.name}-logs"
  sqs_managed_sse_enabled    = true
  message_retention_seconds  = 864000
  visibility_timeout_seconds = 1800 # six times the timeout of ingest, as AWS asks for
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.logs_dlq.arn
    maxReceiveCount     = 5
  })
}

# What could not be read five times. Its messages live longer than the queue's, since their age counts from the first
# sending.
resource "aws_sqs_queue" "logs_dlq" {
  name                      = "${var.name}-logs-dlq"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "logs" {
  queue_url = aws_sqs_queue.logs.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.logs.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }], [for sender in local.senders : {
      Sid       = "Logs"
      Effect    = "Allow"
      Principal = { Service = sender.service }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.logs.arn
      Condition = { ArnEquals = { "aws:SourceArn" = sender.source } }
    }])
  })
}

# These notifications are one setting of the bucket. A new bucket has no others; for a bucket that exists, somebody has
# said that it has none either.
resource "aws_s3_bucket_notification" "logs" {
  count = local.by_s3 ? 1 : 0

  bucket = local.new_logs ? aws_s3_bucket.logs[0].id : var.logs_bucket_name

  queue {
    queue_arn     = aws_sqs_queue.logs.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = local.logs_keys
  }

  depends_on = [aws_sqs_queue_policy.logs]
}

resource "aws_sns_topic_subscription" "logs" {
  count = local.by_sns ? 1 : 0

  topic_arn            = var.logs_topic_arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.logs.arn
  raw_message_delivery = true

  depends_on = [aws_sqs_queue_policy.logs]
}

resource "aws_cloudwatch_event_rule" "logs" {
  count = local.by_eventbridge ? 1 : 0

  name           = "${var.name}-logs"
  description    = "Log objects of ${var.logs_bucket_name}"
  event_bus_name = var.event_bus_name
  tags           = var.tags

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    account     = [coalesce(var.logs_account_id, local.account)]
    detail-type = ["Object Created"]
    detail      = { bucket = { name = [var.logs_bucket_name] }, object = { key = [{ prefix = local.logs_keys }] } }
  })
}

resource "aws_cloudwatch_event_target" "logs" {
  count = local.by_eventbridge ? 1 : 0

  rule           = aws_cloudwatch_event_rule.logs[0].name
  event_bus_name = var.event_bus_name
  arn            = aws_sqs_queue.logs.arn
}

resource "aws_cloudwatch_event_permission" "logs" {
  count = local.by_eventbridge && var.logs_account_id != null ? 1 : 0

  statement_id   = "${var.name}-logs"
  event_bus_name = var.event_bus_name
  principal      = var.logs_account_id
  action         = "events:PutEvents"
}
