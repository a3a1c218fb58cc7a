# The Lambda functions.

locals {
  environment = merge({
    TRAILHOUND_LAKE              = "s3://${aws_s3_bucket.lake.id}/${var.lake_prefix}"
    TRAILHOUND_METRICS_NAMESPACE = var.metrics_namespace
    },
    var.config_layer_arn == null ? {} : { TRAILHOUND_CONFIG = "/opt/trailhound.toml" },
    var.environment,
  )
  ingest_environment = merge(local.environment,
    var.privacy_key == null ? {} : { TRAILHOUND_PRIVACY_KEY = var.privacy_key },
  )

  scheduled = merge(local.in_batch ? { ingest = { verb = "ingest", schedule = var.ingest_schedule, timeout = 0, flexible = 0, environment = {} } } : {}, {
    detect  = { verb = "detect", schedule = var.detect_schedule, timeout = 600, flexible = 0, environment = { TRAILHOUND_SNS_TOPIC = aws_sns_topic.findings.arn } }
    compact = { verb = "lake compact", schedule = var.compact_schedule, timeout = 900, flexible = 15, environment = {} }
    vacuum  = { verb = "lake vacuum", schedule = var.vacuum_schedule, timeout = 900, flexible = 15, environment = {} }
  })
  functions = { for part, settings in local.scheduled : part => settings if local.runtimes[part] == "lambda" }
  by_image  = var.scheduled_package.path == null && var.scheduled_package.bucket == null
}

resource "aws_lambda_function" "ingest" {
  #checkov:skip=CKV_AWS_115:maximum_concurrency of the queue caps it; a reservation below what the pollers try would only throttle them
  #checkov:skip=CKV_AWS_116:what fails goes back to the queue, and from there to its dead-letter queue
  count = var.ingest_runtime == "lambda" ? 1 : 0

  function_name    = "${var.name}-ingest"
  description      = "Log objects into the lake"
  role             = aws_iam_role.part["ingest"].arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  filename         = var.ingest_package.path
  source_code_hash = var.ingest_package.path == null ? null : filebase64sha256(var.ingest_package.path)
  s3_bucket        = var.ingest_package.bucket
  s3_key           = var.ingest_package.key
  layers           = compact([var.config_layer_arn])
  timeout          = 300
  memory_size      = var.ingest_memory
  kms_key_arn      = local.key_arn
  tags             = var.tags

  environment {
    variables = local.ingest_environment
  }

  dynamic "vpc_config" {
    for_each = length(var.subnet_ids) > 0 ? [1] : []

    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  depends_on = [aws_iam_role_policy.part, aws_cloudwatch_log_group.part]
}

resource "aws_lambda_event_source_mapping" "ingest" {
  count = var.ingest_runtime == "lambda" ? 1 : 0

  event_source_arn                   = aws_sqs_queue.logs.arn
  function_name                      = aws_lambda_function.ingest[0].arn
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batch_window_seconds
  function_response_types            = ["ReportBatchItemFailures"] # one bad object goes back alone

  scaling_config {
    maximum_concurrency = var.ingest_concurrency
  }
}

resource "aws_lambda_function" "scheduled" {
  #checkov:skip=CKV_AWS_115:reserved by reserve_concurrency, which the check does not follow
  #checkov:skip=CKV_AWS_116:the next run does what a failed one left; failures alarm
  for_each = local.functions

  function_name                  = "${var.name}-${each.key}"
  description                    = "trailhound ${each.value.verb}"
  role                           = aws_iam_role.part[each.key].arn
  package_type                   = local.by_image ? "Image" : "Zip"
  image_uri                      = local.by_image ? var.image_uri : null
  runtime                        = local.by_image ? null : "provided.al2023"
  handler                        = local.by_image ? null : "bootstrap"
  architectures                  = [var.architecture]
  filename                       = var.scheduled_package.path
  source_code_hash               = var.scheduled_package.path == null ? null : filebase64sha256(var.scheduled_package.path)
  s3_bucket                      = var.scheduled_package.bucket
  s3_key                         = var.scheduled_package.key
  layers                         = local.by_image ? null : compact([var.config_layer_arn])
  timeout                        = each.value.timeout
  memory_size                    = var.scheduled_memory
  reserved_concurrent_executions = var.reserve_concurrency ? 1 : -1
  kms_key_arn                    = local.key_arn
  tags                           = var.tags

  environment {
    variables = merge(local.environment, each.value.environment, { TRAILHOUND_LAMBDA = each.value.verb })
  }

  dynamic "vpc_config" {
    for_each = length(var.subnet_ids) > 0 ? [1] : []

    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  depends_on = [aws_iam_role_policy.part, aws_cloudwatch_log_group.part]
}

# A run that failed is not repeated at once: the next one does its work.
resource "aws_lambda_function_event_invoke_config" "scheduled" {
  for_each = local.functions

  function_name                = aws_lambda_function.scheduled[each.key].function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 300
}
