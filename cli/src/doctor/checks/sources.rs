use hopguard_aws::operator::Mapping;
use hopguard_core::OnBlock;

use crate::doctor::check::Check;
use crate::doctor::facts::Facts;

fn name(mapping: &Mapping) -> &str {
    mapping.source.rsplit(':').next().unwrap_or(&mapping.source)
}

/// Whether a batch can fail in parts.
pub(super) fn batches(facts: &Facts, checks: &mut Vec<Check>) {
    const NAME: &str = "batch-failures";
    let mappings = match &facts.mappings {
        Ok(mappings) => mappings,
        Err(error) => {
            checks.push(Check::unknown(NAME, error.to_string()));
            return;
        }
    };
    for mapping in mappings.iter().filter(|mapping| mapping.can_report_failures()) {
        let source = name(mapping);
        checks.push(if mapping.reports_failures {
            Check::ok(NAME, format!("{source} has ReportBatchItemFailures"))
        } else if facts.settings.on_block == OnBlock::Quarantine {
            Check::warning(
                NAME,
                format!("{source} lacks ReportBatchItemFailures: a blocked record that cannot be quarantined fails its whole batch"),
                "hopguard attach --batch-failures, where the handler's answer is made for it",
            )
        } else {
            Check::warning(
                NAME,
                format!("{source} lacks ReportBatchItemFailures: each blocked record fails its whole batch, and good records run again"),
                "hopguard attach --batch-failures, or --quarantine",
            )
        });
    }
}

/// Whether what nobody can process leaves a queue or a stream one day.
pub(super) fn dead_letters(facts: &Facts, checks: &mut Vec<Check>) {
    const NAME: &str = "dead-letters";
    for queue in &facts.queues {
        checks.push(match queue {
            Err(error) => Check::unknown(NAME, error.to_string()),
            Ok(queue) => {
                let name = queue.arn.rsplit(':').next().unwrap_or(&queue.url);
                match &queue.dead_letters {
                    Some(target) => Check::ok(NAME, format!("{name} has {target}")),
                    None => Check::warning(
                        NAME,
                        format!("queue {name} has no dead-letter queue: a record that fails comes back until its retention ends"),
                        "set a redrive policy on it",
                    ),
                }
            }
        });
    }
    let streams =
        facts.mappings.iter().flatten().filter(|one| matches!(one.service(), "kinesis" | "dynamodb"));
    for mapping in streams {
        checks.push(match &mapping.on_failure {
            Some(target) => Check::ok(NAME, format!("{} has {target}", name(mapping))),
            None => Check::warning(
                NAME,
                format!("stream {} has no on-failure destination: a record that fails holds its shard up until it expires", name(mapping)),
                "set an on-failure destination and MaximumRetryAttempts on the mapping",
            ),
        });
    }
}

/// Whether asynchronous events are lost while it is at 0.
pub(super) fn asynchronous(facts: &Facts, checks: &mut Vec<Check>) {
    const NAME: &str = "async-events";
    if let Some(target) = &facts.function.dead_letters {
        checks.push(Check::ok(NAME, format!("failed events go to {target}")));
        return;
    }
    let from: Vec<&str> = facts
        .triggers
        .iter()
        .flatten()
        .filter(|trigger| trigger.is_asynchronous())
        .map(|trigger| trigger.source.as_deref().unwrap_or(&trigger.service))
        .collect();
    checks.push(match &facts.on_failure {
        Err(error) => Check::unknown(NAME, error.to_string()),
        Ok(Some(target)) => Check::ok(NAME, format!("failed events go to {target}")),
        Ok(None) if from.is_empty() => Check::warning(
            NAME,
            "neither an on-failure destination nor a dead-letter queue: at 0, asynchronous invocations would be lost",
            "set one, where anything invokes it asynchronously",
        ),
        Ok(None) => Check::error(
            NAME,
            format!("neither an on-failure destination nor a dead-letter queue: at 0, events from {} are lost", from.join(", ")),
            "aws lambda put-function-event-invoke-config --destination-config '{\"OnFailure\":{\"Destination\":\"QUEUE_ARN\"}}'",
        ),
    });
}

/// The quarantine queue: there, and no loop of its own.
pub(super) fn quarantine(facts: &Facts, checks: &mut Vec<Check>) {
    const NAME: &str = "quarantine";
    match &facts.quarantine {
        None if facts.settings.on_block == OnBlock::Drop => checks.push(Check::warning(
            NAME,
            "HOPGUARD_ON_BLOCK=drop: a blocked record is acknowledged, and gone",
            "hopguard attach --quarantine NAME keeps it",
        )),
        None => checks.push(Check::warning(
            NAME,
            "no quarantine queue: a blocked record goes back to its source, and is blocked again until it expires",
            "hopguard attach --quarantine NAME",
        )),
        Some(Err(error)) if error.is_not_found() => {
            checks.push(Check::error(NAME, error.to_string(), "create it, or change HOPGUARD_QUARANTINE"));
        }
        Some(Err(error)) => checks.push(Check::unknown(NAME, error.to_string())),
        Some(Ok(queue)) => {
            let feeds = facts.mappings.iter().flatten().any(|mapping| mapping.source == queue.arn);
            checks.push(if feeds {
                Check::error(
                    NAME,
                    format!("{} is an event source of the function: what is quarantined comes back", queue.url),
                    "name another queue",
                )
            } else {
                Check::ok(NAME, format!("{}, {} in it", queue.url, queue.messages()))
            });
            if let Some(key) = &queue.key {
                checks.push(Check::warning(
                    NAME,
                    format!("the queue is encrypted with {key}: its role needs kms:GenerateDataKey and kms:Decrypt on it, which is not looked into here"),
                    "see docs/permissions.md",
                ));
            }
        }
    }
}
