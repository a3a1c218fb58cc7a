output "lake_url" {
  description = "What trailhound takes as --lake."
  value       = "s3://${aws_s3_bucket.lake.id}/${var.lake_prefix}"
}

output "queue_url" {
  description = "The queue; with notifications = \"none\", send the notifications of log objects here."
  value       = aws_sqs_queue.logs.url
}

output "queue_arn" {
  description = "Its ARN."
  value       = aws_sqs_queue.logs.arn
}

output "dlq_url" {
  description = "Where what cannot be read ends."
  value       = aws_sqs_queue.logs_dlq.url
}

output "findings_topic_arn" {
  description = "Subscribe to this."
  value       = aws_sns_topic.findings.arn
}

output "findings_queue_url" {
  description = "The queue that is subscribed to the findings, if there is one."
  value       = one(aws_sqs_queue.findings[*].url)
}

output "alarm_topic_arn" {
  description = "Subscribe to this, too."
  value       = aws_sns_topic.alarms.arn
}

output "key_arn" {
  description = "The key of lake, topics and log groups."
  value       = local.key_arn
}

output "key_policy" {
  description = "What the policy of your own key has to say (kms_key_arn)."
  value       = jsonencode(local.key_policy)
}

output "role_arns" {
  description = "The role of each part."
  value       = { for part, role in aws_iam_role.part : part => role.arn }
}

output "read_lake_policy_arn" {
  description = "For analysts."
  value       = aws_iam_policy.read_lake.arn
}

output "batch_ingest_policy_arn" {
  description = "For a machine that reads a whole bucket."
  value       = aws_iam_policy.batch_ingest.arn
}

# ---- For the owner of a bucket in another account: a statement each for a policy that is his ----

output "logs_bucket_policy_statement" {
  description = "For the policy of the logs bucket, if another account owns it."
  value = local.new_logs ? null : jsonencode({
    Sid       = "Trailhound"
    Effect    = "Allow"
    Principal = { AWS = aws_iam_role.part["ingest"].arn }
    Action    = "s3:GetObject"
    Resource  = "${local.logs_arn}/${local.logs_keys}*"
  })
}

output "logs_bucket_list_policy_statement" {
  description = "With ingest_runtime = \"batch\": for the policy of the logs bucket as well."
  value = !local.in_batch ? null : jsonencode({
    Sid       = "TrailhoundList"
    Effect    = "Allow"
    Principal = { AWS = aws_iam_role.part["ingest"].arn }
    Action    = "s3:ListBucket"
    Resource  = local.logs_arn
  })
}

output "logs_key_policy_statement" {
  description = "For the policy of the key of the logs, if another account owns it."
  value = var.logs_kms_key_arn == null ? null : jsonencode({
    Sid       = "Trailhound"
    Effect    = "Allow"
    Principal = { AWS = aws_iam_role.part["ingest"].arn }
    Action    = "kms:Decrypt"
    Resource  = "*"
  })
}

output "logs_topic_policy_statement" {
  description = "For the policy of the topic of the logs, BEFORE the first apply, if another account owns it."
  value = !local.by_sns ? null : jsonencode({
    Sid       = "Trailhound"
    Effect    = "Allow"
    Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
    Action    = "sns:Subscribe"
    Resource  = var.logs_topic_arn
    Condition = { StringEquals = { "sns:Protocol" = "sqs" } }
  })
}

output "logs_event_bus_arn" {
  description = "With eventbridge and another account: the target of the rule that its owner makes."
  value       = local.by_eventbridge ? "arn:${local.partition}:events:${local.region}:${local.account}:event-bus/${var.event_bus_name}" : null
}
