locals {
  # As dashboards/cloudwatch/alarms.json has them; a test compares.
  alarms = {
    HopguardTripped     = "hopguard.trips.tripped"
    HopguardTripFailed  = "hopguard.trips.failed"
    HopguardBlocked     = "hopguard.records.block"
    HopguardLineageLost = "hopguard.lineage.lost"
  }
}

resource "aws_cloudwatch_metric_alarm" "hopguard" {
  for_each = var.alarm_topic_arn == null ? {} : local.alarms

  alarm_name          = "${var.function_name}-${each.key}"
  alarm_description   = "https://github.com/hopguard/hopguard/blob/main/docs/runbook.md"
  alarm_actions       = [var.alarm_topic_arn]
  namespace           = "hopguard"
  metric_name         = each.value
  dimensions          = { FunctionName = var.function_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "quarantine_holds" {
  count = var.alarm_topic_arn == null ? 0 : 1

  alarm_name          = "${var.function_name}-HopguardQuarantineHolds"
  alarm_description   = "Blocked records wait in the quarantine queue. https://github.com/hopguard/hopguard/blob/main/docs/runbook.md"
  alarm_actions       = [var.alarm_topic_arn]
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.quarantine.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  tags                = var.tags
}
