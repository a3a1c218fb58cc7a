# The security account reads the organisation's logs in the bucket of the log-archive account. The bucket publishes to
# a topic there already; nothing of that account is changed from here.
#
# Order: the owner of the log archive adds `topic_policy_statement` (known before anything is made: see the runbook),
# then apply, then he adds the other two. Until he has, logs wait: in the queue, and then in its dead-letter queue.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

module "trailhound" {
  source = "../.."

  ingest_package    = { bucket = "example-releases", key = "trailhound/0.1.0/trailhound-ingest-lambda-arm64.zip" }
  scheduled_package = { bucket = "example-releases", key = "trailhound/0.1.0/trailhound-lambda-arm64.zip" }

  logs_bucket_name = "example-central-logs"
  logs_account_id  = "444455556666"
  logs_kms_key_arn = "arn:aws:kms:eu-west-1:444455556666:key/11111111-2222-3333-4444-555555555555"
  logs_topic_arn   = "arn:aws:sns:eu-west-1:444455556666:example-central-logs"

  findings_queue = true
  alarm_emails   = ["security-operations@example.com"]
}

output "bucket_policy_statement" {
  value = module.trailhound.logs_bucket_policy_statement
}

output "key_policy_statement" {
  value = module.trailhound.logs_key_policy_statement
}

output "topic_policy_statement" {
  value = module.trailhound.logs_topic_policy_statement
}

output "lake_url" {
  value = module.trailhound.lake_url
}
