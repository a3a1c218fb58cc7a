# Where findings go. Filter policies can select by the attributes rule, severity, account and region.

resource "aws_sns_topic" "findings" {
  name              = "${var.name}-findings"
  kms_master_key_id = local.key_arn
  tags              = var.tags
}

resource "aws_sns_topic_subscription" "findings_email" {
  for_each = toset(var.findings_emails)

  topic_arn = aws_sns_topic.findings.arn
  protocol  = "email"
  endpoint  = each.value
}

# An example of a subscriber that misses nothing: an encrypted queue.
resource "aws_sqs_queue" "findings" {
  count = var.findings_queue ? 1 : 0

  name                      = "${var.name}-findings"
  kms_master_key_id         = local.key_arn
  message_retention_seconds = 1209600
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "findings" {
  count = var.findings_queue ? 1 : 0

  queue_url = aws_sqs_queue.findings[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Findings"
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.findings[0].arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.findings.arn } }
    }]
  })
}

resource "aws_sns_topic_subscription" "findings_queue" {
  count = var.findings_queue ? 1 : 0

  topic_arn            = aws_sns_topic.findings.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.findings[0].arn
  raw_message_delivery = true

  depends_on = [aws_sqs_queue_policy.findings]
}
