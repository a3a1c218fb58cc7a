# When detect, compact and vacuum run.

locals {
  # The worker is no scheduled task.
  tasks     = [for part in keys(local.scheduled) : part if local.runtimes[part] == "fargate"]
  task_arns = { for part in local.tasks : part => aws_ecs_task_definition.part[part].arn_without_revision }
}

resource "aws_scheduler_schedule" "part" {
  #checkov:skip=CKV_AWS_297:the schedule carries no data to encrypt
  for_each = local.scheduled

  name                = "${var.name}-${each.key}"
  description         = "trailhound ${each.value.verb}"
  schedule_expression = each.value.schedule

  flexible_time_window {
    mode                      = each.value.flexible == 0 ? "OFF" : "FLEXIBLE"
    maximum_window_in_minutes = each.value.flexible == 0 ? null : each.value.flexible
  }

  target {
    arn      = local.runtimes[each.key] == "lambda" ? aws_lambda_function.scheduled[each.key].arn : aws_ecs_cluster.this[0].arn
    role_arn = aws_iam_role.schedule.arn
    input    = local.runtimes[each.key] == "lambda" ? "{}" : null

    retry_policy {
      maximum_retry_attempts       = 3
      maximum_event_age_in_seconds = 300
    }

    dead_letter_config {
      arn = aws_sqs_queue.schedule_dlq.arn
    }

    dynamic "ecs_parameters" {
      for_each = local.runtimes[each.key] == "fargate" ? [1] : []

      content {
        task_definition_arn = aws_ecs_task_definition.part[each.key].arn
        launch_type         = "FARGATE"
        propagate_tags      = "TASK_DEFINITION"

        network_configuration {
          subnets          = var.subnet_ids
          security_groups  = var.security_group_ids
          assign_public_ip = var.assign_public_ip
        }
      }
    }
  }
}

# Runs that could not be started.
resource "aws_sqs_queue" "schedule_dlq" {
  name                      = "${var.name}-schedule-dlq"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600
  tags                      = var.tags
}

resource "aws_iam_role" "schedule" {
  name = "${var.name}-schedule"
  tags = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  name = "schedule"
  role = aws_iam_role.schedule.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{ Sid = "Dlq", Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.schedule_dlq.arn }],
      length(local.functions) == 0 ? [] : [{
        Sid      = "Invoke"
        Effect   = "Allow"
        Action   = "lambda:InvokeFunction"
        Resource = [for part in keys(local.functions) : aws_lambda_function.scheduled[part].arn]
      }],
      [for statement in [
        {
          Sid       = "Run"
          Effect    = "Allow"
          Action    = "ecs:RunTask"
          Resource  = [for arn in local.task_arns : "${arn}:*"]
          Condition = { ArnEquals = { "ecs:cluster" = one(aws_ecs_cluster.this[*].arn) } }
        },
        {
          Sid       = "Pass"
          Effect    = "Allow"
          Action    = "iam:PassRole"
          Resource  = concat(aws_iam_role.execution[*].arn, [for part in local.tasks : aws_iam_role.part[part].arn])
          Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
        },
        { Sid = "Tag", Effect = "Allow", Action = "ecs:TagResource", Resource = "arn:${local.partition}:ecs:${local.region}:${local.account}:task/${var.name}/*", Condition = { StringEquals = { "ecs:CreateAction" = "RunTask" } } },
      ] : statement if length(local.tasks) > 0],
    )
  })
}
