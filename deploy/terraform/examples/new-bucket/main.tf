# Everything in one account: a bucket, a multi-Region trail, functions from zips beside this file.

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

variable "release" {
  description = "Folder with the zips of a release."
  type        = string
  default     = "../../../../dist"
}

data "aws_caller_identity" "current" {}

module "trailhound" {
  source = "../.."

  ingest_package    = { path = "${var.release}/trailhound-ingest-lambda-arm64.zip" }
  scheduled_package = { path = "${var.release}/trailhound-lambda-arm64.zip" }

  logs_bucket_mode = "new"
  logs_bucket_name = "example-logs-${data.aws_caller_identity.current.account_id}"
  create_trail     = true

  findings_emails = ["security@example.com"]
  alarm_emails    = ["operations@example.com"]
}

output "lake_url" {
  value = module.trailhound.lake_url
}
