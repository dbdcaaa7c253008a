# What hopguard needs around one function: the layer, a policy for the function's role, a quarantine queue, and where asked for a
# destination of asynchronous events that fail, and alarms. The function itself takes the outputs layer_arn and environment.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  partition    = data.aws_partition.current.partition
  account      = data.aws_caller_identity.current.account_id
  region       = element(split(":", aws_sqs_queue.quarantine.arn), 3)
  function_arn = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.function_name}"
  layer_arn    = var.layer_arn != null ? var.layer_arn : aws_lambda_layer_version.hopguard[0].arn
}

# Its versions are kept (skip_destroy): one that is deleted can be attached to no function any more.
resource "aws_lambda_layer_version" "hopguard" {
  count = var.layer_arn == null ? 1 : 0

  layer_name               = var.architecture == "arm64" ? "hopguard-arm64" : "hopguard"
  description              = "Stops loops of AWS Lambda functions"
  filename                 = var.layer_zip
  source_code_hash         = filebase64sha256(var.layer_zip)
  compatible_architectures = [var.architecture]
  skip_destroy             = true
}

resource "aws_sqs_queue" "quarantine" {
  #checkov:skip=CKV_AWS_27:sqs_managed_sse_enabled encrypts it; the check knows of KMS keys alone.
  name_prefix               = "hopguard-quarantine-"
  message_retention_seconds = var.quarantine_retention_seconds
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "quarantine" {
  queue_url = aws_sqs_queue.quarantine.url
  policy    = data.aws_iam_policy_document.encrypted_transport.json
}

data "aws_iam_policy_document" "encrypted_transport" {
  statement {
    sid       = "EncryptedTransportOnly"
    effect    = "Deny"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.quarantine.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue" "failed_events" {
  #checkov:skip=CKV_AWS_27:sqs_managed_sse_enabled encrypts it; the check knows of KMS keys alone.
  count = var.keep_failed_events ? 1 : 0

  name_prefix               = "hopguard-failed-events-"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_lambda_function_event_invoke_config" "failed_events" {
  count = var.keep_failed_events ? 1 : 0

  function_name = var.function_name

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failed_events[0].arn
    }
  }

  # Lambda checks that the role may send to the destination.
  depends_on = [aws_iam_role_policy.hopguard]
}
