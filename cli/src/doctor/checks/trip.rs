use hopguard_aws::operator::Permission;
use hopguard_core::Mode;

use crate::doctor::check::Check;
use crate::doctor::facts::Facts;
use crate::resume::has_cooldown;

/// The visits at which AWS's own detection stops a chain.
const AWS_VISITS: u16 = 16;
/// What answers to read, tag, write and confirm may take together.
const TRIP_SECONDS: u64 = 3;

/// Whether it is at 0, or carries tags of a trip that is over.
pub(super) fn state(facts: &Facts, checks: &mut Vec<Check>) {
    const NAME: &str = "concurrency";
    let reserved = match &facts.reserved {
        Ok(reserved) => *reserved,
        Err(error) => {
            checks.push(Check::unknown(NAME, error.to_string()));
            return;
        }
    };
    let tags = match &facts.tags {
        Ok(tags) => tags,
        Err(error) => {
            checks.push(Check::unknown(NAME, error.to_string()));
            return;
        }
    };
    if let Some(error) = &tags.altered {
        checks.push(Check::error(
            NAME,
            format!("the tags of a trip were altered: {error}"),
            "hopguard resume with --concurrency N or --unreserved",
        ));
    }
    let tagged = tags.trip.is_some();
    checks.push(match reserved {
        Some(0) => Check::error(NAME, "it is at 0: nothing invokes it", "hopguard status, then hopguard resume"),
        Some(1) if tagged => {
            Check::warning(NAME, "it is on probation at 1 after a trip", "hopguard resume ends the probe")
        }
        _ if has_cooldown(tags) => Check::warning(
            NAME,
            "it carries the tags of a trip, which its cooldown or something else has ended",
            "hopguard resume removes the tags; see whether it still loops",
        ),
        _ if tagged => Check::warning(
            NAME,
            "it carries the tags of a trip, and something else than hopguard resume has set its concurrency since",
            "hopguard resume removes the tags; where a template reserves its concurrency, a deployment undoes a trip",
        ),
        Some(reserved) => Check::ok(NAME, format!("{reserved} reserved")),
        None => Check::ok(NAME, "nothing reserved"),
    });
}

/// What its role may do of what the guard needs.
pub(super) fn permissions(facts: &Facts, checks: &mut Vec<Check>) {
    const NAME: &str = "permission";
    const ADVICE: &str = "hopguard attach gives it, or see docs/permissions.md";
    let enforces = facts.settings.policy.mode == Mode::Enforce;
    let mut allowed = 0_usize;
    for (need, known) in &facts.permissions {
        let lacks = || {
            let of = if need.resource == facts.function.arn {
                String::new()
            } else {
                format!(" on {}", need.resource)
            };
            format!("its role lacks {}{of}: {}", need.action, need.without)
        };
        match known {
            Ok(Permission::Allowed) => allowed += 1,
            // Without these there is no trip and no quarantine.
            Ok(_)
                if enforces && matches!(need.action, "lambda:PutFunctionConcurrency" | "sqs:SendMessage") =>
            {
                checks.push(Check::error(NAME, lacks(), ADVICE));
            }
            Ok(_) => checks.push(Check::warning(NAME, lacks(), ADVICE)),
            Err(error) => checks.push(Check::unknown(NAME, format!("what its role may do: {error}"))),
        }
    }
    if allowed > 0 && allowed == facts.permissions.len() {
        checks.push(Check::ok(NAME, format!("its role may do all {allowed} things that the guard needs")));
    }
}

/// AWS's own detection beside ours, and the time that a trip has.
pub(super) fn detection(facts: &Facts, checks: &mut Vec<Check>) {
    const NAME: &str = "aws-detection";
    let visits = facts.settings.policy.max_visits;
    checks.push(match &facts.aws_stops_loops {
        Err(error) => Check::unknown(NAME, error.to_string()),
        Ok(true) if visits > AWS_VISITS => Check::warning(
            NAME,
            format!("AWS stops a chain at about {AWS_VISITS} visits, before HOPGUARD_MAX_VISITS={visits}, over Lambda, S3, SQS and SNS"),
            "aws lambda put-function-recursion-config --recursive-loop Allow, where the recursion is meant",
        ),
        Ok(true) => Check::ok(NAME, format!("AWS's own stays behind ours: about {AWS_VISITS} visits, ours {visits}")),
        Ok(false) => Check::ok(NAME, "off (RecursiveLoop=Allow): what stops loops is hopguard"),
    });
    let timeout = facts.function.timeout.as_secs();
    if timeout < TRIP_SECONDS && facts.settings.trip {
        checks.push(Check::warning(
            "timeout",
            format!("its time limit is {timeout} s, and a trip never goes beyond it: under throttling it may take several invocations"),
            format!("{TRIP_SECONDS} s or more"),
        ));
    }
}
