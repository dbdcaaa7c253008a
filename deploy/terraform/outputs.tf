output "layer_arn" {
  description = "The layer's version, for the function's layers."
  value       = local.layer_arn
}

output "quarantine_url" {
  description = "The quarantine queue, as HOPGUARD_QUARANTINE names it."
  value       = aws_sqs_queue.quarantine.url
}

output "failed_events_arn" {
  description = "The queue of asynchronous events that failed; null where there is none."
  value       = one(aws_sqs_queue.failed_events[*].arn)
}

output "environment" {
  description = "The variables of the function, to be merged with its own."
  value = merge({
    AWS_LAMBDA_EXEC_WRAPPER = "/opt/hopguard/wrap"
    HOPGUARD_QUARANTINE     = aws_sqs_queue.quarantine.url
    HOPGUARD_METRICS        = var.metrics
    }, var.cooldown == null ? {} : {
    HOPGUARD_COOLDOWN      = var.cooldown
    HOPGUARD_COOLDOWN_ROLE = aws_iam_role.cooldown[0].arn
    }, var.ledger_table == null ? {} : {
    HOPGUARD_CHAIN_BUDGET = tostring(var.chain_budget)
    HOPGUARD_LEDGER_TABLE = var.ledger_table
  }, var.settings)
}
