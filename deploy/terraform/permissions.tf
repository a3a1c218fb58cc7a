# Who may do what. Each part has a role with the statements that it needs and no others: ingest parses what others
# wrote, so it can neither delete nor write a finding; detect cannot change an event; only the vacuum deletes.

locals {
  lake_arn    = "${aws_s3_bucket.lake.arn}/${var.lake_prefix}"
  written     = [for table in ["events", "aggregated", "logfiles", "quarantine"] : "${local.lake_arn}/${table}/*"]
  uses_kms    = var.lake_encryption == "aws:kms"
  by_s3_only  = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${local.dns_suffix}" } }
  by_sns_only = { StringEquals = { "kms:ViaService" = "sns.${local.region}.${local.dns_suffix}" } }

  # Without the list S3 says 403 for what is not there, and a missing file of the log is how Delta ends.
  read_lake = concat([
    { Sid = "LakeList", Effect = "Allow", Action = "s3:ListBucket", Resource = aws_s3_bucket.lake.arn },
    { Sid = "LakeRead", Effect = "Allow", Action = "s3:GetObject", Resource = "${local.lake_arn}/*" },
    ], !local.uses_kms ? [] : [
    { Sid = "LakeKey", Effect = "Allow", Action = "kms:Decrypt", Resource = local.key_arn, Condition = local.by_s3_only },
  ])

  # The tables that detect writes.
  detected = ["findings", "notifications", "activity_hourly", "baselines"]

  # What each writes besides reading.
  writes = {
    # And the first version of every table, when the lake is made.
    ingest = concat(local.written, [for table in local.detected : "${local.lake_arn}/${table}/_delta_log/00000000000000000000.json"])
    detect = [for table in local.detected : "${local.lake_arn}/${table}/*"]
    # Small files of what detect writes at each run are merged as well.
    compact = concat(local.written, ["${local.lake_arn}/activity_hourly/*", "${local.lake_arn}/baselines/*"])
    vacuum  = ["${local.lake_arn}/logfiles/*"] # brings logfiles up to date before it deletes
  }
  write_lake = { for part, keys in local.writes : part => concat([
    { Sid = "LakeWrite", Effect = "Allow", Action = ["s3:PutObject", "s3:AbortMultipartUpload"], Resource = keys },
    ], !local.uses_kms ? [] : [
    { Sid = "LakeWriteKey", Effect = "Allow", Action = "kms:GenerateDataKey", Resource = local.key_arn, Condition = local.by_s3_only },
  ]) }

  read_logs = concat([
    { Sid = "LogsRead", Effect = "Allow", Action = "s3:GetObject", Resource = "${local.logs_arn}/${local.logs_keys}*" },
    ], var.logs_kms_key_arn == null ? [] : [
    { Sid = "LogsKey", Effect = "Allow", Action = "kms:Decrypt", Resource = var.logs_kms_key_arn },
    ], !local.new_logs ? [] : [
    { Sid = "OwnLogsKey", Effect = "Allow", Action = "kms:Decrypt", Resource = local.key_arn, Condition = local.by_s3_only },
  ])

  list_logs = [{ Sid = "LogsList", Effect = "Allow", Action = ["s3:ListBucket"], Resource = local.logs_arn }]

  read_queue = [{
    Sid      = "Queue"
    Effect   = "Allow"
    Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
    Resource = aws_sqs_queue.logs.arn
  }]

  publish = [
    { Sid = "Publish", Effect = "Allow", Action = "sns:Publish", Resource = aws_sns_topic.findings.arn },
    { Sid = "PublishKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = local.key_arn, Condition = local.by_sns_only },
  ]

  delete_lake = [{ Sid = "LakeDelete", Effect = "Allow", Action = "s3:DeleteObject", Resource = "${local.lake_arn}/*" }]

  parts = {
    ingest  = concat(local.in_batch ? local.list_logs : local.read_queue, local.read_logs, local.read_lake, local.write_lake.ingest)
    detect  = concat(local.read_lake, local.write_lake.detect, local.publish)
    compact = concat(local.read_lake, local.write_lake.compact)
    vacuum  = concat(local.read_lake, local.write_lake.vacuum, local.delete_lake)
  }

  runtimes = { for part in ["ingest", "detect", "compact", "vacuum"] : part =>
  (part == "ingest" ? var.ingest_runtime : var.scheduled_runtime) == "lambda" ? "lambda" : "fargate" }
  log_groups = { for part, runtime in local.runtimes :
  part => "${runtime == "lambda" ? "/aws/lambda" : "/ecs"}/${var.name}-${part}" }
}

resource "aws_cloudwatch_log_group" "part" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is log_retention_days; they hold counters, not events
  for_each = local.log_groups

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = local.key_arn
  tags              = var.tags
}

resource "aws_iam_role" "part" {
  for_each = local.parts

  name = "${var.name}-${each.key}"
  tags = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = local.runtimes[each.key] == "lambda" ? "lambda.amazonaws.com" : "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "part" {
  for_each = local.parts

  name = each.key
  role = aws_iam_role.part[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(each.value, local.runtimes[each.key] != "lambda" ? [] : concat([{
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.part[each.key].arn}:*"
      }], length(var.subnet_ids) == 0 ? [] : [{
      # A network interface has no ARN before it is made; this is what Lambda asks for.
      Sid    = "Vpc"
      Effect = "Allow"
      Action = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface",
      "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses", "ec2:DescribeSubnets"]
      Resource = "*"
    }]))
  })
}

# For people and for machines outside of the module.
resource "aws_iam_policy" "read_lake" {
  name        = "${var.name}-read-lake"
  description = "Read the lake: trailhound sql, and any reader of Delta tables"
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.read_lake })
  tags        = var.tags
}

resource "aws_iam_policy" "batch_ingest" {
  name        = "${var.name}-batch-ingest"
  description = "Read queue and logs, write the lake: a backfill, or a worker on a machine"
  tags        = var.tags
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.read_queue, local.list_logs, local.read_logs, local.read_lake, local.write_lake.ingest)
  })
}
