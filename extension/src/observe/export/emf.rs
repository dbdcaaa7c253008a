//! CloudWatch's embedded metric format: metrics as lines on standard output.

use std::time::SystemTime;

use hopguard_core::{Counter, Measure};
use serde_json::{Map, Value, json};

/// What one line may have.
const MAX_METRICS: usize = 100;

/// The namespace of hopguard's metrics in CloudWatch.
pub(crate) const NAMESPACE: &str = "hopguard";
/// The only dimension, named as AWS names it. Never the chain: CloudWatch bills each value of a dimension as a metric of its own.
pub(crate) const DIMENSION: &str = "FunctionName";

/// The lines that say what was gained and measured since the last ones. None where there was nothing.
pub(crate) fn lines(
    function: &str,
    at: SystemTime,
    gained: &[(Counter, u64)],
    samples: &[(Measure, Vec<f64>)],
) -> Vec<String> {
    let counts =
        gained.iter().map(|(counter, value)| (counter.flat_name().into_owned(), "Count", json!(value)));
    let measures = samples
        .iter()
        .map(|(measure, samples)| (measure.name().to_owned(), unit(measure.unit()), json!(samples)));
    let metrics: Vec<(String, &str, Value)> = counts.chain(measures).collect();
    metrics.chunks(MAX_METRICS).map(|metrics| line(function, at, metrics)).collect()
}

/// CloudWatch's name of a unit.
pub(crate) fn unit(ucum: &str) -> &'static str {
    match ucum {
        "s" => "Seconds",
        "By" => "Bytes",
        // CloudWatch knows no money, and it is no count.
        "{USD}" => "None",
        _ => "Count",
    }
}

fn line(function: &str, at: SystemTime, metrics: &[(String, &str, Value)]) -> String {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let definitions: Vec<Value> =
        metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": definitions });
    let mut members = Map::new();
    let timestamp = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    members.insert("_aws".to_owned(), json!({ "Timestamp": timestamp, "CloudWatchMetrics": [directive] }));
    members.insert(DIMENSION.to_owned(), Value::from(function));
    members.extend(metrics.iter().map(|(name, _, value)| (name.clone(), value.clone())));
    Value::Object(members).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observe::meter::Meter;

    #[test]
    fn a_line_is_what_cloudwatch_asks_for() {
        let mut meter = Meter::default();
        meter.record(Measure::InvokeDuration, 0.25);
        meter.record(Measure::InvokeDuration, 0.5);
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_474_347_592);
        let gained = [(Counter::Blocked, 2), (Counter::Invocations, 2)];
        let lines = lines("orders", at, &gained, &meter.take_samples());
        let expected = json!({
            "_aws": {
                "Timestamp": 1_795_474_347_592_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "hopguard",
                    "Dimensions": [["FunctionName"]],
                    "Metrics": [
                        { "Name": "hopguard.records.block", "Unit": "Count" },
                        { "Name": "faas.invocations", "Unit": "Count" },
                        { "Name": "faas.invoke_duration", "Unit": "Seconds" },
                    ],
                }],
            },
            "FunctionName": "orders",
            "hopguard.records.block": 2,
            "faas.invocations": 2,
            "faas.invoke_duration": [0.25, 0.5],
        });
        assert_eq!(lines.len(), 1);
        assert!(!lines[0].contains('\n'));
        assert_eq!(serde_json::from_str::<Value>(&lines[0]).unwrap(), expected);
    }

    #[test]
    fn a_line_has_at_most_a_hundred_metrics_and_nothing_is_no_line() {
        assert!(lines("orders", SystemTime::now(), &[], &[]).is_empty());
        let many: Vec<_> = Counter::ALL.into_iter().cycle().take(250).map(|counter| (counter, 1)).collect();
        let lines = lines("orders", SystemTime::now(), &many, &[]);
        let definitions = lines.iter().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().len()
        });
        assert_eq!(definitions.collect::<Vec<_>>(), [100, 100, 50]);
    }
}
