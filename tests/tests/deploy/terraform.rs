//! The Terraform module has what the policies and the template have. No Terraform runs here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use hopguard::core::metrics::Counter;
use serde_json::Value;

use crate::policy::{actions, shipped};
use crate::template::template;
use crate::tree::checkout;

fn module(file: &str) -> String {
    let path = checkout(&format!("deploy/terraform/{file}"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The texts in quotation marks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('"').skip(1).step_by(2))
}

/// The alarms that the template takes from `dashboards/`, by name: each is a line of JSON.
fn alarms() -> BTreeMap<String, Value> {
    let template = template("guard");
    let lines = template.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(": {"));
    let parsed = lines.filter_map(|(name, rest)| {
        let resource: Value = serde_json::from_str(&format!("{{{rest}")).ok()?;
        (resource["Type"] == "AWS::CloudWatch::Alarm")
            .then(|| (name.to_owned(), resource["Properties"].clone()))
    });
    parsed.collect()
}

#[test]
fn its_policy_has_the_actions_of_the_files() {
    let parts: [(&str, &[&str]); 2] = [
        ("permissions.tf", &["trip", "quarantine", "objects", "metrics", "cooldown", "ledger"]),
        ("cooldown.tf", &["cooldown-role", "cooldown-trust"]),
    ];
    for (part, files) in parts {
        let policy = module(part);
        let services = ["cloudwatch:", "dynamodb:", "iam:", "lambda:", "s3:", "scheduler:", "sqs:", "sts:"];
        let named = quoted(&policy).filter(|text| services.iter().any(|service| text.starts_with(service)));
        let keys = ["cloudwatch:namespace", "iam:PassedToService"];
        let own: BTreeSet<_> = named.filter(|text| !keys.contains(text)).map(str::to_owned).collect();
        let expected: BTreeSet<_> = files.iter().flat_map(|file| actions(&shipped(file))).collect();
        assert_eq!(own, expected, "{part}");
        for file in files {
            for statement in shipped(file)["Statement"].as_array().expect("statements") {
                let sid = statement["Sid"].as_str().expect("a name");
                assert!(quoted(&policy).any(|text| text == sid), "{sid} of {file}.json");
            }
        }
    }
}

#[test]
fn its_alarms_are_among_those_of_the_template() {
    let alarms = alarms();
    let module = module("alarms.tf");
    let (table, _) = module.split_once('}').expect("a table");
    let own: Vec<_> = table
        .lines()
        .filter_map(|line| line.trim().split_once('='))
        .filter(|(name, _)| name.starts_with("Hopguard"))
        .collect();
    assert!(own.len() >= 4, "{own:?}");
    for (name, metric) in own {
        let (name, metric) = (name.trim(), metric.trim().trim_matches('"'));
        let alarm = alarms.get(name).unwrap_or_else(|| panic!("{name} is not in the template: {alarms:?}"));
        assert_eq!(
            (&alarm["MetricName"], &alarm["Threshold"]),
            (&Value::from(metric), &Value::from(0)),
            "{name}"
        );
    }
}

#[test]
fn alarms_are_on_metrics_that_exist() {
    let known: BTreeSet<_> =
        Counter::ALL.into_iter().map(|counter| counter.flat_name().into_owned()).collect();
    let own = alarms();
    let own: Vec<_> = own.iter().filter(|(_, alarm)| alarm["Namespace"] == "hopguard").collect();
    assert!(own.len() >= 4, "{own:?}");
    for (name, alarm) in own {
        let metric = alarm["MetricName"].as_str().expect("a metric");
        assert!(known.contains(metric), "{name}: {metric}");
    }
}
