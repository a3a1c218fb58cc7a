# What is refused before anything is made.

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
}

variables {
  logs_bucket_name  = "central-logs"
  logs_topic_arn    = "arn:aws:sns:eu-west-1:444455556666:central-logs"
  ingest_package    = { bucket = "releases", key = "ingest.zip" }
  scheduled_package = { bucket = "releases", key = "scheduled.zip" }
}

run "notifications_of_a_bucket_are_not_overwritten_by_accident" {
  command = plan
  variables {
    notifications = "s3"
  }
  expect_failures = [var.manage_bucket_notification]
}

run "nor_those_of_another_account" {
  command = plan
  variables {
    notifications              = "s3"
    manage_bucket_notification = true
    logs_account_id            = "444455556666"
  }
  expect_failures = [var.manage_bucket_notification]
}

run "sns_needs_a_topic" {
  command = plan
  variables {
    logs_topic_arn = null
  }
  expect_failures = [var.logs_topic_arn]
}

run "fargate_needs_an_image_and_subnets" {
  command = plan
  variables {
    scheduled_runtime = "fargate"
  }
  expect_failures = [var.image_uri, var.subnet_ids]
}

run "latest_is_no_version" {
  command = plan
  variables {
    image_uri = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/trailhound:latest"
  }
  expect_failures = [var.image_uri]
}

run "a_new_bucket_needs_to_know_its_trail" {
  command = plan
  variables {
    logs_bucket_mode = "new"
  }
  expect_failures = [var.trail_arn]
}

run "one_writer_is_not_a_setting_of_lambda" {
  command = plan
  variables {
    ingest_concurrency = 1
  }
  expect_failures = [var.ingest_concurrency]
}

run "a_package_is_a_path_or_an_object" {
  command = plan
  variables {
    ingest_package = {}
  }
  expect_failures = [var.ingest_package]
}
