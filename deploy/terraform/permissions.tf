# What deploy/iam has: trip.json, quarantine.json, objects.json, metrics.json, cooldown.json and ledger.json.

resource "aws_iam_role_policy" "hopguard" {
  name   = "hopguard"
  role   = var.role_name
  policy = data.aws_iam_policy_document.hopguard.json
}

data "aws_iam_policy_document" "hopguard" {
  statement {
    sid = "HopguardTrip"
    actions = [
      "lambda:GetFunctionConcurrency",
      "lambda:PutFunctionConcurrency",
      "lambda:TagResource",
      "lambda:ListTags",
    ]
    resources = [local.function_arn]
  }

  statement {
    sid = "HopguardAsyncEvents"
    actions = [
      "lambda:GetFunctionEventInvokeConfig",
      "lambda:GetFunctionConfiguration",
    ]
    resources = [local.function_arn, "${local.function_arn}:*"]
  }

  statement {
    sid       = "HopguardMappings"
    actions   = ["lambda:ListEventSourceMappings"]
    resources = ["*"]
  }

  statement {
    sid       = "HopguardQuarantine"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.quarantine.arn]
  }

  dynamic "statement" {
    for_each = length(var.objects_buckets) > 0 ? ["objects"] : []

    content {
      sid = "HopguardObjects"
      actions = [
        "s3:GetObject",
        "s3:GetObjectVersion",
      ]
      resources = [for bucket in var.objects_buckets : "arn:${local.partition}:s3:::${bucket}/*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.objects_buckets) > 0 ? ["bucket"] : []

    content {
      sid       = "HopguardBucket"
      actions   = ["s3:ListBucket"]
      resources = [for bucket in var.objects_buckets : "arn:${local.partition}:s3:::${bucket}"]
    }
  }

  dynamic "statement" {
    for_each = var.metrics == "cloudwatch" ? ["metrics"] : []

    content {
      sid       = "HopguardMetrics"
      actions   = ["cloudwatch:PutMetricData"]
      resources = ["*"]

      condition {
        test     = "StringEquals"
        variable = "cloudwatch:namespace"
        values   = ["hopguard"]
      }
    }
  }

  dynamic "statement" {
    for_each = aws_iam_role.cooldown

    content {
      sid = "HopguardCooldown"
      actions = [
        "scheduler:CreateSchedule",
        "scheduler:UpdateSchedule",
      ]
      resources = ["arn:${local.partition}:scheduler:${local.region}:${local.account}:schedule/default/${local.schedule}"]
    }
  }

  dynamic "statement" {
    for_each = aws_iam_role.cooldown

    content {
      sid       = "HopguardCooldownRole"
      actions   = ["iam:PassRole"]
      resources = [statement.value.arn]

      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["scheduler.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.ledger_table == null ? [] : [var.ledger_table]

    content {
      sid       = "HopguardLedger"
      actions   = ["dynamodb:UpdateItem"]
      resources = ["arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${statement.value}"]
    }
  }

  # Lambda sends to the destination with the function's own role.
  dynamic "statement" {
    for_each = aws_sqs_queue.failed_events

    content {
      sid       = "OnFailureDestination"
      actions   = ["sqs:SendMessage"]
      resources = [statement.value.arn]
    }
  }
}
