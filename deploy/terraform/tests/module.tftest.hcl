# What the module makes in each mode. No registry, no AWS: the provider is a mock.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::the-lake", id = "the-lake" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:111122223333:q", url = "https://sqs.eu-west-1.amazonaws.com/111122223333/q" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-west-1:111122223333:t" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/r" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:111122223333:rule/trailhound-logs" }
  }
}

variables {
  logs_bucket_name  = "central-logs"
  logs_topic_arn    = "arn:aws:sns:eu-west-1:444455556666:central-logs"
  ingest_package    = { bucket = "releases", key = "0.1.0/trailhound-ingest-lambda-arm64.zip" }
  scheduled_package = { bucket = "releases", key = "0.1.0/trailhound-lambda-arm64.zip" }
}

run "a_bucket_that_exists_is_not_changed" {
  assert {
    condition     = length(aws_s3_bucket.logs) + length(aws_s3_bucket_policy.logs) + length(aws_s3_bucket_notification.logs) == 0
    error_message = "something of the central bucket is managed"
  }
  assert {
    condition     = aws_sns_topic_subscription.logs[0].topic_arn == var.logs_topic_arn && aws_sns_topic_subscription.logs[0].raw_message_delivery
    error_message = "the queue is not subscribed to the topic"
  }
  assert {
    condition     = jsondecode(aws_sqs_queue_policy.logs.policy).Statement[1].Condition.ArnEquals["aws:SourceArn"] == var.logs_topic_arn
    error_message = "others than the topic may send"
  }
  assert {
    condition     = jsondecode(output.logs_bucket_policy_statement).Resource == "arn:aws:s3:::central-logs/AWSLogs/*"
    error_message = "the owner of the bucket gets no statement"
  }
}

run "ingest_goes_slowly_and_gives_back_one_message" {
  assert {
    condition     = aws_lambda_event_source_mapping.ingest[0].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "a bad object would bring its neighbours back"
  }
  assert {
    condition     = aws_lambda_event_source_mapping.ingest[0].scaling_config[0].maximum_concurrency == 2
    error_message = "commits would fight"
  }
  assert {
    condition     = aws_sqs_queue.logs.visibility_timeout_seconds >= 6 * aws_lambda_function.ingest[0].timeout
    error_message = "messages come back while they are being worked on"
  }
  assert {
    condition     = aws_lambda_function.ingest[0].environment[0].variables.TRAILHOUND_LAKE == "s3://the-lake/trailhound"
    error_message = "ingest does not know the lake"
  }
  assert {
    condition     = aws_lambda_function.scheduled["vacuum"].environment[0].variables.TRAILHOUND_LAMBDA == "lake vacuum"
    error_message = "the vacuum runs another verb"
  }
}

run "each_part_may_do_its_own_work_only" {
  assert {
    condition = toset([for part, policy in aws_iam_role_policy.part : part
    if strcontains(policy.policy, "s3:DeleteObject")]) == toset(["vacuum"])
    error_message = "somebody else than the vacuum deletes"
  }
  assert {
    condition = toset([for part, policy in aws_iam_role_policy.part : part
    if strcontains(policy.policy, "sns:Publish")]) == toset(["detect"])
    error_message = "somebody else than detect publishes"
  }
  assert {
    condition = toset([for part, policy in aws_iam_role_policy.part : part
    if strcontains(policy.policy, "central-logs")]) == toset(["ingest"])
    error_message = "somebody else than ingest reads logs"
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.part["detect"].policy, "/events/*")
    error_message = "detect can change events"
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.part["ingest"].policy, "/findings/*")
    error_message = "ingest can write findings"
  }
  assert {
    condition = alltrue([for policy in aws_iam_role_policy.part : alltrue([
      for statement in jsondecode(policy.policy).Statement :
    statement.Resource != "*" && alltrue([for action in flatten([statement.Action]) : !endswith(action, ":*")])])])
    error_message = "a role has a wildcard"
  }
}

run "logs_of_another_account_with_its_key_by_eventbridge" {
  variables {
    notifications    = "eventbridge"
    logs_topic_arn   = null
    logs_account_id  = "444455556666"
    logs_prefix      = "org/"
    logs_kms_key_arn = "arn:aws:kms:eu-west-1:444455556666:key/abc"
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.logs[0].event_pattern).account == ["444455556666"]
    error_message = "the rule takes events of anybody"
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.logs[0].event_pattern).detail.object.key[0].prefix == "org/AWSLogs/"
    error_message = "the rule takes other objects"
  }
  assert {
    condition     = aws_cloudwatch_event_permission.logs[0].principal == "444455556666"
    error_message = "the other account cannot send"
  }
  assert {
    condition     = jsondecode(output.logs_key_policy_statement).Action == "kms:Decrypt" && strcontains(aws_iam_role_policy.part["ingest"].policy, var.logs_kms_key_arn)
    error_message = "the logs cannot be decrypted"
  }
}

run "a_new_bucket_with_the_trail_of_an_organisation" {
  variables {
    logs_bucket_mode = "new"
    create_trail     = true
    organization_id  = "o-abcdefghij"
    logs_topic_arn   = null
  }
  assert {
    condition     = aws_s3_bucket_notification.logs[0].queue[0].filter_prefix == "AWSLogs/"
    error_message = "the bucket does not notify the queue"
  }
  assert {
    condition     = jsondecode(aws_s3_bucket_policy.logs[0].policy).Statement[2].Resource == ["arn:aws:s3:::central-logs/AWSLogs/111122223333/*", "arn:aws:s3:::central-logs/AWSLogs/o-abcdefghij/*"]
    error_message = "the trail cannot write"
  }
  assert {
    condition     = aws_cloudtrail.this[0].is_organization_trail && aws_cloudtrail.this[0].enable_log_file_validation
    error_message = "the trail is not one of the organisation, with digests"
  }
}

run "tasks_and_a_worker" {
  variables {
    ingest_runtime     = "fargate"
    scheduled_runtime  = "fargate"
    image_uri          = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/trailhound:0.1.0"
    subnet_ids         = ["subnet-1"]
    security_group_ids = ["sg-1"]
    vpc_endpoints      = { vpc_id = "vpc-1", route_table_ids = ["rtb-1"], security_group_ids = ["sg-2"] }
  }
  assert {
    condition     = length(aws_lambda_function.ingest) + length(aws_lambda_function.scheduled) == 0
    error_message = "there are functions as well"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.part["ingest"].container_definitions)[0].command == ["ingest", "https://sqs.eu-west-1.amazonaws.com/111122223333/q"]
    error_message = "the worker does not read the queue"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.part["detect"].container_definitions)[0].readonlyRootFilesystem
    error_message = "the container can change itself"
  }
  assert {
    condition     = aws_scheduler_schedule.part["compact"].target[0].ecs_parameters[0].launch_type == "FARGATE"
    error_message = "compact is not scheduled as a task"
  }
  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["sns", "sqs", "logs", "ecr.api", "ecr.dkr"])
    error_message = "an endpoint is missing"
  }
  assert {
    condition     = strcontains(aws_iam_role_policy.execution[0].policy, "arn:aws:ecr:eu-west-1:111122223333:repository/trailhound")
    error_message = "the image cannot be pulled, or others can"
  }
}

run "a_batch_needs_no_notifications" {
  variables {
    ingest_runtime      = "batch"
    notifications       = "none"
    logs_topic_arn      = null
    quiet_alarm_seconds = 43200
    image_uri           = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/trailhound:0.1.0"
    subnet_ids          = ["subnet-1"]
    security_group_ids  = ["sg-1"]
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.part["ingest"].container_definitions)[0].command == ["ingest", "s3://central-logs/AWSLogs/", "--since", "1d"]
    error_message = "the task does not list the bucket"
  }
  assert {
    condition     = length(aws_ecs_service.worker) == 0 && aws_scheduler_schedule.part["ingest"].target[0].ecs_parameters[0].launch_type == "FARGATE"
    error_message = "the batch is not on a schedule"
  }
  assert {
    condition     = strcontains(aws_iam_role_policy.part["ingest"].policy, "s3:ListBucket\"],\"Effect\":\"Allow\",\"Resource\":\"arn:aws:s3:::central-logs\"")
    error_message = "the task cannot list the bucket"
  }
  assert {
    condition     = length(aws_sns_topic_subscription.logs) == 0 && !contains(keys(aws_cloudwatch_metric_alarm.this), "queue-quiet") && contains(keys(aws_cloudwatch_metric_alarm.this), "ingest-silent")
    error_message = "a queue that nobody fills is watched"
  }
  assert {
    condition     = length(aws_lambda_function.scheduled) == 3 && aws_lambda_function.scheduled["detect"].package_type == "Zip"
    error_message = "detect is no function any more"
  }
}

run "functions_from_the_image_in_a_vpc" {
  variables {
    scheduled_package  = {}
    image_uri          = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/trailhound@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    subnet_ids         = ["subnet-1"]
    security_group_ids = ["sg-1"]
  }
  assert {
    condition     = aws_lambda_function.scheduled["detect"].package_type == "Image" && aws_lambda_function.scheduled["detect"].image_uri == var.image_uri
    error_message = "the function does not run the image"
  }
  assert {
    condition     = aws_lambda_function.ingest[0].vpc_config[0].subnet_ids == toset(["subnet-1"])
    error_message = "ingest is not in the VPC"
  }
}

run "an_alarm_for_everything_that_stops" {
  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset([
      "dlq-not-empty", "queue-old", "queue-quiet", "schedule-dlq-not-empty", "quarantined", "detect-silent",
    "ingest-errors", "detect-errors", "compact-errors", "vacuum-errors", "ingest-throttles"])
    error_message = "the alarms are others than the runbook has"
  }
}
