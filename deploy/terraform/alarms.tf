# Alarms. What to do about each is in the runbook, ../README.md, under its name.

locals {
  sqs    = { for name, queue in { dlq = aws_sqs_queue.logs_dlq, logs = aws_sqs_queue.logs, schedule = aws_sqs_queue.schedule_dlq } : name => { QueueName = queue.name } }
  lambda = [for part, runtime in local.runtimes : part if runtime == "lambda"]

  queue_alarms = {
    dlq-not-empty = {
      description = "Log objects that could not be read five times wait in the dead-letter queue."
      namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = local.sqs.dlq
      statistic   = "Maximum", period = 300, periods = 1, of = 1, threshold = 1, quiet = false
    }
    queue-old = {
      description = "A log object has waited for too long; the lake is behind."
      namespace   = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", dimensions = local.sqs.logs
      statistic   = "Maximum", period = 300, periods = 3, of = 3, threshold = var.lag_alarm_seconds, quiet = false
    }
    queue-quiet = {
      description = "No log object came for a while: the trail, its notifications or the subscription stopped."
      namespace   = "AWS/SQS", metric = "NumberOfMessagesSent", dimensions = local.sqs.logs
      statistic   = "Sum", period = var.quiet_alarm_seconds, periods = 1, of = 1, threshold = 1, quiet = true
    }
    schedule-dlq-not-empty = {
      description = "A scheduled run could not be started."
      namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = local.sqs.schedule
      statistic   = "Maximum", period = 300, periods = 1, of = 1, threshold = 1, quiet = false
    }
    quarantined = {
      description = "Records could not be used; they are in the table quarantine with their reason."
      namespace   = var.metrics_namespace, metric = "Quarantined", dimensions = { Verb = "ingest" }
      statistic   = "Sum", period = 300, periods = 1, of = 1, threshold = 1, quiet = false
    }
    ingest-silent = {
      description = "No log object was read for a while."
      namespace   = var.metrics_namespace, metric = "DurationSeconds", dimensions = { Verb = "ingest" }
      statistic   = "SampleCount", period = var.quiet_alarm_seconds, periods = 1, of = 1, threshold = 1, quiet = true
    }
    # Each run says how long it took, in a function or in a task.
    detect-silent = {
      description = "No detection was done for half an hour."
      namespace   = var.metrics_namespace, metric = "DurationSeconds", dimensions = { Verb = "detect" }
      statistic   = "SampleCount", period = 1800, periods = 1, of = 1, threshold = 1, quiet = true
    }
  }

  # A batch has no queue, and a queue says by itself when it is quiet.
  needless = local.in_batch ? ["dlq-not-empty", "queue-old", "queue-quiet"] : ["ingest-silent"]

  # How often a function may fail, by its part: of so many periods of so many seconds, in so many.
  failing = {
    ingest  = { period = 300, periods = 3, of = 2, description = "Whole invocations of ingest fail; what they had goes back to the queue." }
    detect  = { period = 300, periods = 6, of = 3, description = "Detections fail; nothing is lost, and nothing new is found." }
    compact = { period = 3600, periods = 24, of = 2, description = "Merging small files fails; queries slow down." }
    vacuum  = { period = 86400, periods = 2, of = 2, description = "Deleting what nobody needs fails; the bucket grows." }
  }
  error_alarms = { for part in local.lambda : "${part}-errors" => merge(local.failing[part], {
    namespace = "AWS/Lambda", metric = "Errors", dimensions = { FunctionName = "${var.name}-${part}" }
    statistic = "Sum", threshold = 1, quiet = false
  }) }
  throttle_alarms = { for part in local.lambda : "${part}-throttles" => {
    description = "Ingest is throttled: the account has no invocations left."
    namespace   = "AWS/Lambda", metric = "Throttles", dimensions = { FunctionName = "${var.name}-${part}" }
    statistic   = "Sum", period = 300, periods = 3, of = 3, threshold = 1, quiet = false
  } if part == "ingest" } # the others have one invocation each, and wait for it
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = merge({ for name, alarm in local.queue_alarms : name => alarm if !contains(local.needless, name) }, local.error_alarms, local.throttle_alarms)

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.of
  threshold           = each.value.threshold
  comparison_operator = each.value.quiet ? "LessThanThreshold" : "GreaterThanOrEqualToThreshold"
  treat_missing_data  = each.value.quiet ? "breaching" : "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
  tags                = var.tags
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = local.key_arn
  tags              = var.tags
}

resource "aws_sns_topic_subscription" "alarms_email" {
  for_each = toset(var.alarm_emails)

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

# A task that ends with an error has no metric; ECS says so in an event.
resource "aws_cloudwatch_event_rule" "task_failed" {
  count = length(local.in_fargate) > 0 ? 1 : 0

  name        = "${var.name}-task-failed"
  description = "A task of ${var.name} ended with an error"
  tags        = var.tags
  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      clusterArn = [aws_ecs_cluster.this[0].arn]
      lastStatus = ["STOPPED"]
      containers = { exitCode = [{ anything-but = [0] }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "task_failed" {
  count = length(local.in_fargate) > 0 ? 1 : 0

  rule = aws_cloudwatch_event_rule.task_failed[0].name
  arn  = aws_sns_topic.alarms.arn
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([{
      Sid       = "Alarms"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms.arn
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      }], length(local.in_fargate) == 0 ? [] : [{
      # EventBridge publishes for a rule, and says no account that a condition could ask for.
      Sid       = "TaskFailed"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms.arn
    }])
  })
}
