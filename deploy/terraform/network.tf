# Ways to AWS for subnets that have none: S3 costs nothing through a gateway; each interface costs by the hour. KMS is
# asked by S3 and SNS, not by us. Functions read the queue and write their logs outside of the VPC; tasks do not.

locals {
  interfaces = toset(var.vpc_endpoints == null ? [] : concat(["sns"],
    length(local.in_fargate) > 0 ? ["ecr.api", "ecr.dkr", "logs"] : [],
    var.ingest_runtime == "fargate" ? ["sqs"] : [],
  ))
}

resource "aws_vpc_endpoint" "s3" {
  count = var.vpc_endpoints == null ? 0 : 1

  vpc_id            = var.vpc_endpoints.vpc_id
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.vpc_endpoints.route_table_ids
  tags              = merge(var.tags, { Name = "${var.name}-s3" })
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interfaces

  vpc_id              = var.vpc_endpoints.vpc_id
  service_name        = "com.amazonaws.${local.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = var.subnet_ids
  security_group_ids  = var.vpc_endpoints.security_group_ids
  private_dns_enabled = true
  tags                = merge(var.tags, { Name = "${var.name}-${each.key}" })
}
