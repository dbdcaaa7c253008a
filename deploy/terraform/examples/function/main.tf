# A function of this configuration, guarded. Its queue, code and own permissions are yours.

variable "package" {
  description = "The function's own zip file, with orders.py in it."
  type        = string
}

variable "layer_zip" {
  description = "The layer's zip file, as `cargo xtask layer` makes it."
  type        = string
}

data "aws_iam_policy_document" "lambda" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "orders" {
  name               = "orders"
  assume_role_policy = data.aws_iam_policy_document.lambda.json
}

module "hopguard" {
  source = "../.."

  # Not a cycle: of the module, neither the layer nor the queue depends on the function.
  function_name = aws_lambda_function.orders.function_name
  role_name     = aws_iam_role.orders.name
  layer_zip     = var.layer_zip
  settings      = { HOPGUARD_MAX_VISITS = "5" }
}

resource "aws_lambda_function" "orders" {
  #checkov:skip=CKV_AWS_50:Tracing is the owner's to decide; hopguard needs none.
  #checkov:skip=CKV_AWS_115:hopguard sets the reserved concurrency to 0 where it trips; a value here would be put back by the next apply.
  #checkov:skip=CKV_AWS_116:Its queue has a dead-letter queue; for asynchronous events there is keep_failed_events.
  #checkov:skip=CKV_AWS_117:It reaches nothing in a VPC.
  #checkov:skip=CKV_AWS_173:Its variables are no secrets.
  #checkov:skip=CKV_AWS_272:Signing code is the owner's to decide.
  function_name = "orders"
  role          = aws_iam_role.orders.arn
  runtime       = "python3.13"
  handler       = "orders.handler"
  filename      = var.package
  timeout       = 30
  layers        = [module.hopguard.layer_arn]

  environment {
    variables = merge({ STAGE = "test" }, module.hopguard.environment)
  }

  # A trip sets it to 0, and the next apply would put it back while the loop still circles.
  lifecycle {
    ignore_changes = [reserved_concurrent_executions]
  }
}
