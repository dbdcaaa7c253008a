# The chain ledger of hopguard: one table for all functions of an account and Region, which counts the invocations of each chain.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "table_name" {
  description = "The table's name, for HOPGUARD_LEDGER_TABLE."
  type        = string
  default     = "hopguard-ledger"
}

variable "tags" {
  description = "Tags of the table."
  type        = map(string)
  default     = {}
}

resource "aws_dynamodb_table" "ledger" {
  #checkov:skip=CKV_AWS_28:Counts of two weeks. What is lost begins at 0 again.
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts it by a key of its own; it holds chain ids and numbers.
  #checkov:skip=CKV2_AWS_16:It is billed by request, and scales by itself.
  name         = var.table_name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "chain"
  tags         = var.tags

  attribute {
    name = "chain"
    type = "S"
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }
}

output "table_name" {
  description = "For the variable ledger_table of the module for a function."
  value       = aws_dynamodb_table.ledger.name
}
