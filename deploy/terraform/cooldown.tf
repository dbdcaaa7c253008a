# The role by which EventBridge Scheduler restores what was reserved before a trip: cooldown-role.json and cooldown-trust.json of deploy/iam.

locals {
  # A schedule's name has 64 characters: a longer one is cut, and ends with the function's id as hopguard has it.
  schedule = length(var.function_name) <= 55 ? "hopguard-${var.function_name}" : "hopguard-${substr(var.function_name, 0, 46)}-${substr(sha256(local.function_arn), 0, 8)}"
}

resource "aws_iam_role" "cooldown" {
  count = var.cooldown == null ? 0 : 1

  name_prefix        = "hopguard-cooldown-"
  description        = "By it EventBridge Scheduler restores what was reserved before a trip"
  assume_role_policy = data.aws_iam_policy_document.cooldown_trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "cooldown" {
  count = var.cooldown == null ? 0 : 1

  name   = "restore"
  role   = aws_iam_role.cooldown[0].name
  policy = data.aws_iam_policy_document.cooldown.json
}

data "aws_iam_policy_document" "cooldown" {
  statement {
    sid = "HopguardRestore"
    actions = [
      "lambda:PutFunctionConcurrency",
      "lambda:DeleteFunctionConcurrency",
    ]
    resources = [local.function_arn]
  }
}

data "aws_iam_policy_document" "cooldown_trust" {
  statement {
    sid     = "HopguardScheduler"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}
