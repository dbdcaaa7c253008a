use crate::doctor::check::Check;
use crate::doctor::facts::{Facts, HOURS};

const NAME: &str = "lineage";

/// Event sources over which lineage does not go, or only where it was asked for.
pub(super) fn carriers(facts: &Facts, checks: &mut Vec<Check>) {
    let tables =
        facts.function.environment.get("HOPGUARD_DYNAMODB_TABLES").map(String::as_str).unwrap_or_default();
    for mapping in facts.mappings.iter().flatten() {
        match mapping.service() {
            "sqs" | "kinesis" => {}
            "dynamodb" => {
                // arn:…:table/orders/stream/2026-11-24T…
                let table = mapping.source.split('/').nth(1).unwrap_or_default();
                if !tables.split(',').any(|name| name.trim() == table) {
                    checks.push(Check::warning(
                        NAME,
                        format!("items of table {table} carry no lineage: a loop over its stream starts a new chain with each record"),
                        format!("HOPGUARD_DYNAMODB_TABLES={table} on every function that writes to it"),
                    ));
                }
            }
            other => checks.push(Check::warning(
                NAME,
                format!(
                    "{other} carries no lineage: a loop over {} starts a new chain with each record",
                    mapping.source
                ),
                "the chain ends there: see docs/carriers.md",
            )),
        }
    }
    if let Ok(triggers) = &facts.triggers
        && facts.settings.signing_keys.is_none()
        && triggers
            .iter()
            .any(|trigger| matches!(trigger.service.as_str(), "apigateway" | "elasticloadbalancing"))
    {
        checks.push(Check::ok(
            NAME,
            "tokens that come over HTTP are ignored, as long as HOPGUARD_SIGNING_KEY is not set",
        ));
    }
}

/// Sends that went out without lineage, as the layer counted them.
pub(super) fn counted(facts: &Facts, checks: &mut Vec<Check>) {
    if facts.uncarried.is_empty() {
        checks.push(Check::unknown(
            NAME,
            "whether sends go out without lineage: its metrics do not go to CloudWatch (HOPGUARD_METRICS=cloudwatch or emf)",
        ));
        return;
    }
    let mut clean = true;
    for (counter, known) in &facts.uncarried {
        match known {
            Ok(0) => {}
            Ok(count) => {
                clean = false;
                checks.push(Check::warning(
                    NAME,
                    format!("{} was counted {count} times in {HOURS} hours", counter.flat_name()),
                    "a loop over these sends is not seen: see docs/carriers.md",
                ));
            }
            Err(error) => {
                clean = false;
                checks.push(Check::unknown(NAME, error.to_string()));
            }
        }
    }
    if clean {
        checks.push(Check::ok(NAME, format!("no send without lineage in {HOURS} hours")));
    }
}
