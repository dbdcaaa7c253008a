use std::time::Duration;

use hopguard_aws::operator::{
    Function, LayerVersion, Mapping, OperatorError, Permission, Queue, Tags, Trigger, needs,
};
use hopguard_core::{Counter, Settings};

use super::*;
use crate::attachment::{EXEC_WRAPPER, NEXT_WRAPPER, WRAPPER};
use crate::doctor::check::Level;

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:orders";
const LAYER: &str = "arn:aws:lambda:us-east-1:123456789012:layer:hopguard:1";
const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:orders-in";
const QUARANTINE: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/quarantine";

/// A function that nothing is wrong with.
fn healthy() -> Facts {
    let mut function = Function::default();
    function.name = "orders".to_owned();
    function.arn = ARN.to_owned();
    function.runtime = Some("python3.13".to_owned());
    function.architecture = "x86_64".to_owned();
    function.timeout = Duration::from_secs(30);
    function.layers = vec![LAYER.to_owned()];
    function.dead_letters = Some("arn:aws:sqs:us-east-1:123456789012:dlq".to_owned());
    function.environment =
        [(EXEC_WRAPPER, WRAPPER), ("HOPGUARD_QUARANTINE", QUARANTINE), ("HOPGUARD_METRICS", "cloudwatch")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    let (settings, setting_errors) = Settings::read(&function.environment);
    let mut layer = LayerVersion::default();
    layer.architectures = vec!["x86_64".to_owned()];
    let mut mapping = Mapping::default();
    mapping.source = QUEUE.to_owned();
    mapping.reports_failures = true;
    let mut queue = Queue::default();
    queue.arn = QUEUE.to_owned();
    queue.dead_letters = Some("arn:aws:sqs:us-east-1:123456789012:orders-dead".to_owned());
    let mut quarantine = Queue::default();
    quarantine.url = QUARANTINE.to_owned();
    quarantine.arn = "arn:aws:sqs:us-east-1:123456789012:quarantine".to_owned();
    let needed = needs(ARN, &settings, Some(&quarantine.arn), &[]);
    Facts {
        reserved: Ok(None),
        tags: Ok(Tags::default()),
        layer: Some((LAYER.to_owned(), Ok(layer))),
        aws_stops_loops: Ok(false),
        mappings: Ok(vec![mapping]),
        queues: vec![Ok(queue)],
        triggers: Ok(Vec::new()),
        on_failure: Ok(None),
        quarantine: Some(Ok(quarantine)),
        permissions: needed.into_iter().map(|need| (need, Ok(Permission::Allowed))).collect(),
        uncarried: vec![(Counter::NoRoom, Ok(0))],
        settings,
        setting_errors,
        function,
    }
}

fn denied() -> OperatorError {
    OperatorError::Denied { action: "lambda:ListTags", subject: "orders".to_owned(), detail: "no".to_owned() }
}

fn reread(facts: &mut Facts) {
    (facts.settings, facts.setting_errors) = Settings::read(&facts.function.environment);
}

fn set(facts: &mut Facts, name: &str, value: &str) {
    facts.function.environment.insert(name.to_owned(), value.to_owned());
    reread(facts);
}

fn trigger(facts: &mut Facts, service: &str) {
    facts.function.dead_letters = None;
    let policy = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}.amazonaws.com"}},"Action":"lambda:InvokeFunction"}}]}}"#
    );
    facts.triggers = Ok(Trigger::read(&policy));
}

fn deny(facts: &mut Facts, action: &str) {
    let (_, known) = facts.permissions.iter_mut().find(|(need, _)| need.action == action).unwrap();
    *known = Ok(Permission::Denied);
}

#[test]
fn a_healthy_function_has_nothing_but_ok() {
    let checks = all(&healthy());
    assert!(checks.iter().all(|check| check.level == Level::Ok), "{checks:#?}");
    assert!(checks.len() >= 9, "{checks:#?}");
}

#[test]
fn each_fault_is_told_with_what_to_do() {
    type Case = (&'static str, fn(&mut Facts), &'static str, Level, &'static str);
    let cases: [Case; 28] = [
        (
            "a bad setting",
            |f| set(f, "HOPGUARD_MAX_VISITS", "ten"),
            "settings",
            Level::Error,
            "write for example",
        ),
        (
            "a setting that is none",
            |f| set(f, "HOPGUARD_MAX_VISIT", "5"),
            "settings",
            Level::Error,
            "did you mean",
        ),
        (
            "unreadable variables",
            |f| f.function.environment_error = Some("KMS".into()),
            "settings",
            Level::Unknown,
            "KMS",
        ),
        (
            "no layer",
            |f| {
                f.layer = None;
                f.function.environment.remove(EXEC_WRAPPER);
            },
            "layer",
            Level::Error,
            "nothing guards",
        ),
        ("a wrapper without the layer", |f| f.layer = None, "layer", Level::Error, "does not start"),
        (
            "no layer, and perhaps the crate",
            |f| {
                f.layer = None;
                f.function.runtime = Some("provided.al2023".into());
            },
            "layer",
            Level::Unknown,
            "crate",
        ),
        (
            "an image",
            |f| {
                f.layer = None;
                f.function.runtime = None;
            },
            "layer",
            Level::Unknown,
            "container image",
        ),
        (
            "another architecture",
            |f| f.function.architecture = "arm64".into(),
            "layer",
            Level::Error,
            "arm64",
        ),
        (
            "no wrapper",
            |f| {
                f.function.environment.remove(EXEC_WRAPPER);
            },
            "wrapper",
            Level::Error,
            "guards nothing",
        ),
        ("another wrapper", |f| set(f, EXEC_WRAPPER, "/opt/other"), "wrapper", Level::Error, "/opt/other"),
        (
            "a runtime without wrappers",
            |f| f.function.runtime = Some("provided.al2023".into()),
            "wrapper",
            Level::Warning,
            "observes",
        ),
        ("at 0", |f| f.reserved = Ok(Some(0)), "concurrency", Level::Error, "at 0"),
        (
            "tags that cannot be read",
            |f| f.tags = Err(denied()),
            "concurrency",
            Level::Unknown,
            "lambda:ListTags",
        ),
        (
            "no permission to trip",
            |f| deny(f, "lambda:PutFunctionConcurrency"),
            "permission",
            Level::Error,
            "does not trip",
        ),
        (
            "no permission to trip, and nothing to trip",
            |f| {
                deny(f, "lambda:PutFunctionConcurrency");
                set(f, "HOPGUARD_MODE", "observe");
            },
            "permission",
            Level::Warning,
            "does not trip",
        ),
        (
            "no permission to tag",
            |f| deny(f, "lambda:TagResource"),
            "permission",
            Level::Warning,
            "only the log",
        ),
        (
            "AWS comes first",
            |f| {
                f.aws_stops_loops = Ok(true);
                set(f, "HOPGUARD_MAX_VISITS", "50");
            },
            "aws-detection",
            Level::Warning,
            "before HOPGUARD_MAX_VISITS=50",
        ),
        ("little time", |f| f.function.timeout = Duration::from_secs(1), "timeout", Level::Warning, "1 s"),
        (
            "whole batches",
            |f| {
                f.mappings.as_mut().unwrap()[0].reports_failures = false;
            },
            "batch-failures",
            Level::Warning,
            "orders-in",
        ),
        (
            "no dead letters",
            |f| f.queues[0].as_mut().unwrap().dead_letters = None,
            "dead-letters",
            Level::Warning,
            "orders-in",
        ),
        ("events of S3 are lost", |f| trigger(f, "s3"), "async-events", Level::Error, "s3"),
        (
            "nothing asynchronous is known",
            |f| f.function.dead_letters = None,
            "async-events",
            Level::Warning,
            "would be lost",
        ),
        (
            "no quarantine",
            |f| {
                f.quarantine = None;
                f.function.environment.remove("HOPGUARD_QUARANTINE");
                reread(f);
            },
            "quarantine",
            Level::Warning,
            "--quarantine",
        ),
        (
            "a quarantine that feeds it",
            |f| f.quarantine.as_mut().unwrap().as_mut().unwrap().arn = QUEUE.into(),
            "quarantine",
            Level::Error,
            "comes back",
        ),
        (
            "a table without lineage",
            |f| {
                f.mappings.as_mut().unwrap()[0].source =
                    "arn:aws:dynamodb:us-east-1:1:table/orders/stream/x".into();
            },
            "lineage",
            Level::Warning,
            "HOPGUARD_DYNAMODB_TABLES=orders",
        ),
        (
            "Kafka",
            |f| f.mappings.as_mut().unwrap()[0].source = "arn:aws:kafka:us-east-1:1:cluster/c".into(),
            "lineage",
            Level::Warning,
            "kafka",
        ),
        (
            "sends without room",
            |f| f.uncarried[0].1 = Ok(3),
            "lineage",
            Level::Warning,
            "hopguard.lineage.no_room was counted 3 times",
        ),
        ("no metrics", |f| f.uncarried.clear(), "lineage", Level::Unknown, "HOPGUARD_METRICS"),
    ];
    for (name, change, check, level, words) in cases {
        let mut facts = healthy();
        change(&mut facts);
        let checks = all(&facts);
        let found = checks.iter().find(|found| found.check == check && found.level == level);
        let found = found.unwrap_or_else(|| panic!("{name}: {checks:#?}"));
        let text = format!("{} {}", found.message, found.advice.as_deref().unwrap_or_default());
        assert!(text.contains(words), "{name}: {text}");
        assert_eq!(found.advice.is_some(), matches!(level, Level::Error | Level::Warning), "{name}");
        assert!(checks.is_sorted_by_key(|check| check.level), "{name}: the worst first");
    }
    let mut chained = healthy();
    set(&mut chained, NEXT_WRAPPER, "/opt/other");
    assert!(all(&chained).iter().any(|check| check.message.contains("then /opt/other")));
}
