# The same verbs as Fargate tasks, and the queue worker as a service. The image has no shell, runs as nobody and writes
# to /tmp only.

locals {
  in_fargate = [for part, runtime in local.runtimes : part if runtime == "fargate"]
  commands = {
    # Whole days are listed, yesterday and today; what is in the lake is not read again.
    ingest  = local.in_batch ? ["ingest", "s3://${var.logs_bucket_name}/${local.logs_keys}", "--since", var.batch_since] : ["ingest", aws_sqs_queue.logs.url]
    detect  = ["detect"]
    compact = ["lake", "compact"]
    vacuum  = ["lake", "vacuum"]
  }
  task_environments = merge(
    { ingest = merge(local.environment, var.privacy_key == null ? {} : { TRAILHOUND_PRIVACY_KEY = var.privacy_key }) },
    { for part, settings in local.scheduled : part => merge(local.environment, settings.environment) if part != "ingest" },
  )
}

resource "aws_ecs_cluster" "this" {
  count = length(local.in_fargate) > 0 ? 1 : 0

  name = var.name
  tags = var.tags

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "part" {
  for_each = toset(local.in_fargate)

  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.task_cpu
  memory                   = var.task_memory
  task_role_arn            = aws_iam_role.part[each.key].arn
  execution_role_arn       = aws_iam_role.execution[0].arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.architecture)
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([{
    name                   = "trailhound"
    image                  = var.image_uri
    command                = local.commands[each.key]
    essential              = true
    readonlyRootFilesystem = true
    user                   = "65532:65532"
    stopTimeout            = 120 # a worker that is asked to stop commits what it has
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    environment            = [for name, value in local.task_environments[each.key] : { name = name, value = value }]
    linuxParameters        = { initProcessEnabled = false, capabilities = { drop = ["ALL"] } }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = local.log_groups[each.key]
        awslogs-region        = local.region
        awslogs-stream-prefix = "trailhound"
      }
    }
  }])
}

resource "aws_ecs_service" "worker" {
  count = var.ingest_runtime == "fargate" ? 1 : 0

  name                               = "${var.name}-worker"
  cluster                            = aws_ecs_cluster.this[0].id
  task_definition                    = aws_ecs_task_definition.part["ingest"].arn
  desired_count                      = 1
  launch_type                        = "FARGATE"
  deployment_maximum_percent         = 200 # two for a moment do no harm
  deployment_minimum_healthy_percent = 100
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  tags                               = var.tags

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = var.security_group_ids
    assign_public_ip = var.assign_public_ip
  }

  depends_on = [aws_iam_role_policy.part]
}

# What ECS itself needs to start a task: the image, and a stream for the logs.
resource "aws_iam_role" "execution" {
  count = length(local.in_fargate) > 0 ? 1 : 0

  name = "${var.name}-execution"
  tags = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "execution" {
  count = length(local.in_fargate) > 0 ? 1 : 0

  name = "execution"
  role = aws_iam_role.execution[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = [for part in local.in_fargate : "${aws_cloudwatch_log_group.part[part].arn}:*"]
      },
      # This action is about a registry, not about a repository.
      { Sid = "EcrLogin", Effect = "Allow", Action = "ecr:GetAuthorizationToken", Resource = "*" },
      {
        Sid      = "EcrPull"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = local.repository_arn
      },
    ]
  })
}

locals {
  # ACCOUNT.dkr.ecr.REGION.SUFFIX/NAME@sha256:... or :TAG
  image_parts    = try(regex("^([0-9]{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.[a-z.]+/([^:@]+)", coalesce(var.image_uri, "-")), [local.account, local.region, "*"])
  repository_arn = "arn:${local.partition}:ecr:${local.image_parts[1]}:${local.image_parts[0]}:repository/${local.image_parts[2]}"
}
