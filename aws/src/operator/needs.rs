use hopguard_core::Settings;
use serde_json::{Value, json};

use super::Need;
use crate::arn;
use crate::ledger::UPDATE_ITEM;
use crate::schedule;

/// What the execution role of a guarded function needs besides its own work, as docs/permissions.md lists it.
///
/// `quarantine` is the ARN of its quarantine queue, `buckets` those that invoke it, directly or on a way.
pub fn needs(
    function_arn: &str,
    settings: &Settings,
    quarantine: Option<&str>,
    buckets: &[String],
) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    let mut need = |action, resource: &str, without| needs.push(Need::new(action, resource, without));
    if settings.trip {
        for (action, without) in TRIP.into_iter().chain(ASYNC) {
            need(action, function_arn, without);
        }
        if let Some(cooldown) = &settings.cooldown {
            let schedule = schedule::arn(function_arn);
            need("scheduler:CreateSchedule", &schedule, COOLDOWN);
            need("scheduler:UpdateSchedule", &schedule, COOLDOWN);
            need(PASS_ROLE, &cooldown.role, COOLDOWN);
        }
    }
    if let Some(table) = &settings.ledger {
        let without = "no invocation is counted in its chain, and no budget holds";
        need(UPDATE_ITEM, &table_arn(function_arn, table), without);
    }
    need(
        "lambda:ListEventSourceMappings",
        "*",
        "a blocked batch fails whole, and a quarantine queue that feeds the function is noticed only when it delivers",
    );
    if let Some(queue) = quarantine {
        need("sqs:SendMessage", queue, "blocked records go back to their source");
    }
    for bucket in buckets {
        let objects = format!("{bucket}/*");
        need("s3:GetObject", &objects, "each of its objects starts a new chain: a loop over it is not seen");
        need("s3:GetObjectVersion", &objects, "each of its objects' versions starts a new chain");
        need(LIST_BUCKET, bucket, "an object that is gone reads as a missing permission");
    }
    if settings.telemetry.metrics.cloudwatch {
        need(PUT_METRIC_DATA, "*", "no metrics in CloudWatch; HOPGUARD_METRICS=emf needs no permission");
    }
    needs
}

/// The ARN of a table that is named, which is in the function's account and Region, or the one that is given.
fn table_arn(function_arn: &str, table: &str) -> String {
    match table.starts_with("arn:") {
        true => table.to_owned(),
        false => arn::beside(function_arn, "dynamodb", &format!("table/{table}")),
    }
}

const LIST_BUCKET: &str = "s3:ListBucket";
const PUT_METRIC_DATA: &str = "cloudwatch:PutMetricData";

const PASS_ROLE: &str = "iam:PassRole";
const COOLDOWN: &str = "a trip does not end by itself: somebody has to resume the function";

const TRIP: [(&str, &str); 4] = [
    ("lambda:GetFunctionConcurrency", "it trips, and the value before is not known"),
    (
        "lambda:PutFunctionConcurrency",
        "it does not trip: records stay blocked one by one, and the loop can go on",
    ),
    ("lambda:TagResource", "it trips, and only the log has the value before"),
    ("lambda:ListTags", "a second trip while a probe runs leaves no value before"),
];

const ASYNC: [(&str, &str); 2] = [
    ("lambda:GetFunctionEventInvokeConfig", "the trip cannot say whether asynchronous events are lost"),
    ("lambda:GetFunctionConfiguration", "the trip cannot say whether asynchronous events are lost"),
];

/// The policy document that allows these needs: one statement for each set of resources and each condition.
pub fn policy(needs: &[Need]) -> Value {
    let mut statements: Vec<(Vec<String>, Option<Condition>, Vec<&str>)> = Vec::new();
    for need in needs {
        let mut resources = vec![need.resource.clone()];
        // Whether events are lost is asked of the alias or version that was invoked.
        if ASYNC.iter().any(|(action, _)| *action == need.action) {
            resources.push(format!("{}:*", need.resource));
        }
        let condition = condition(need.action);
        match statements.iter_mut().find(|(known, other, _)| *known == resources && *other == condition) {
            Some((.., actions)) => actions.push(need.action),
            None => statements.push((resources, condition, vec![need.action])),
        }
    }
    let statements: Vec<Value> = statements
        .into_iter()
        .map(|(resources, condition, actions)| {
            let mut statement = json!({ "Effect": "Allow", "Action": actions, "Resource": resources });
            if let (Some((key, value)), Some(statement)) = (condition, statement.as_object_mut()) {
                statement.insert("Condition".to_owned(), json!({ "StringEquals": { key: value } }));
            }
            statement
        })
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// A key of a request's context, and the value that it must have.
type Condition = (&'static str, &'static str);

/// What an action is allowed for alone, where its resource does not say enough.
pub(super) fn condition(action: &str) -> Option<Condition> {
    match action {
        PUT_METRIC_DATA => Some(("cloudwatch:namespace", "hopguard")),
        PASS_ROLE => Some(("iam:PassedToService", "scheduler.amazonaws.com")),
        _ => None,
    }
}

/// The buckets of a document that [`policy`] made, by their ARNs.
pub fn buckets_of(policy: &Value) -> Vec<String> {
    let statements = policy.get("Statement").and_then(Value::as_array).into_iter().flatten();
    let of_buckets =
        statements.filter(|statement| texts(statement.get("Action")).any(|action| action == LIST_BUCKET));
    of_buckets.flat_map(|statement| texts(statement.get("Resource")).map(str::to_owned)).collect()
}

/// What may be one text or a list of them.
fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.chain(value).filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ARN;

    #[test]
    fn the_document_has_what_the_settings_ask_for_and_no_more() {
        let actions = |settings: &[(&str, &str)], quarantine, buckets: &[String]| {
            let settings = Settings::read(settings.iter().copied()).0;
            let document = policy(&needs(ARN, &settings, quarantine, buckets));
            let statements = document["Statement"].as_array().unwrap().clone();
            statements
                .iter()
                .map(|statement| (statement["Resource"].to_string(), statement["Action"].to_string()))
                .collect::<Vec<_>>()
        };
        let trip = actions(&[], None, &[]);
        assert_eq!(trip.len(), 3, "{trip:?}");
        assert!(!trip[0].0.contains(":*") && trip[0].1.contains("lambda:PutFunctionConcurrency"), "{trip:?}");
        assert!(trip[1].0.contains(&format!("{ARN}:*")) && !trip[1].1.contains("Put"), "{trip:?}");
        assert_eq!(trip[2], (r#"["*"]"#.to_owned(), r#"["lambda:ListEventSourceMappings"]"#.to_owned()));
        let all = actions(
            &[("HOPGUARD_METRICS", "cloudwatch")],
            Some("arn:aws:sqs:us-east-1:123456789012:q"),
            &["arn:aws:s3:::photos".to_owned()],
        );
        assert_eq!(all.len(), 7, "{all:?}");
        assert!(all.contains(&(r#"["arn:aws:s3:::photos"]"#.to_owned(), r#"["s3:ListBucket"]"#.to_owned())));
        let off = actions(&[("HOPGUARD_TRIP", "off")], None, &[]);
        assert_eq!(off.len(), 1, "{off:?}");
    }

    #[test]
    fn a_cooldown_needs_its_schedule_and_its_role_for_scheduler_alone() {
        let role = "arn:aws:iam::123456789012:role/cooldown";
        let variables = [("HOPGUARD_COOLDOWN", "30m"), ("HOPGUARD_COOLDOWN_ROLE", role)];
        let document = policy(&needs(ARN, &Settings::read(variables).0, None, &[]));
        let statements = document["Statement"].as_array().unwrap();
        assert_eq!(statements.len(), 5, "{document}");
        assert_eq!(statements[2]["Action"], json!(["scheduler:CreateSchedule", "scheduler:UpdateSchedule"]));
        assert_eq!(statements[2]["Resource"], json!([schedule::arn(ARN)]));
        assert_eq!(statements[3]["Resource"], json!([role]));
        assert_eq!(
            statements[3]["Condition"],
            json!({ "StringEquals": { "iam:PassedToService": "scheduler.amazonaws.com" } })
        );
        let off = variables.into_iter().chain([("HOPGUARD_TRIP", "off")]);
        let document = policy(&needs(ARN, &Settings::read(off).0, None, &[]));
        assert_eq!(document["Statement"].as_array().map(Vec::len), Some(1), "{document}");
    }

    #[test]
    fn a_budget_needs_the_table() {
        for (table, arn) in [
            ("ledger", "arn:aws:dynamodb:us-east-1:123456789012:table/ledger"),
            (
                "arn:aws:dynamodb:us-east-1:210987654321:table/ledger",
                "arn:aws:dynamodb:us-east-1:210987654321:table/ledger",
            ),
        ] {
            let variables = [("HOPGUARD_CHAIN_BUDGET", "9"), ("HOPGUARD_LEDGER_TABLE", table)];
            let needs = needs(ARN, &Settings::read(variables).0, None, &[]);
            assert!(needs.iter().any(|need| need.action == "dynamodb:UpdateItem" && need.resource == arn));
        }
        assert!(needs(ARN, &Settings::default(), None, &[]).iter().all(|need| need.action != UPDATE_ITEM));
    }

    #[test]
    fn the_buckets_are_read_back() {
        let buckets = ["arn:aws:s3:::photos".to_owned(), "arn:aws:s3:::scans".to_owned()];
        let document = policy(&needs(ARN, &Settings::default(), None, &buckets));
        assert_eq!(buckets_of(&document), buckets);
        let by_hand =
            json!({ "Statement": [{ "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::photos" }] });
        assert_eq!(buckets_of(&by_hand), ["arn:aws:s3:::photos"]);
        assert_eq!(buckets_of(&json!({ "Statement": 1 })), Vec::<String>::new());
    }

    #[test]
    fn metrics_go_into_hopguards_namespace_only() {
        let settings = Settings::read([("HOPGUARD_METRICS", "cloudwatch")]).0;
        let document = policy(&needs(ARN, &settings, None, &[]));
        let last = document["Statement"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["Condition"]["StringEquals"]["cloudwatch:namespace"], "hopguard");
    }
}
