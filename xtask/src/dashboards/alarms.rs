//! Alarms of CloudWatch: a template of CloudFormation that stands for itself, and whose resources another can take over.

use hopguard_core::Counter;
use serde_json::{Map, Value, json};

use super::alerts::runbook;
use super::grafana::{DIMENSION, NAMESPACE};

struct Alarm {
    id: &'static str,
    /// The rule for Prometheus that says the same, whose runbook this one's is.
    rule: &'static str,
    namespace: &'static str,
    metric: String,
    description: &'static str,
}

fn alarms() -> Vec<Alarm> {
    let own = |id, rule, counter: Counter, description| Alarm {
        id,
        rule,
        namespace: NAMESPACE,
        metric: counter.flat_name().into_owned(),
        description,
    };
    vec![
        own(
            "HopguardTripped",
            "HopguardTripped",
            Counter::Tripped,
            "A record went beyond a limit, and hopguard has set the function to reserved concurrency 0.",
        ),
        own(
            "HopguardTripFailed",
            "HopguardTripFailed",
            Counter::TripFailed,
            "hopguard could not set the function to 0: it still runs.",
        ),
        own(
            "HopguardBlocked",
            "HopguardBlockedWithoutTrip",
            Counter::Blocked,
            "Records were kept from the handler because they went beyond a limit.",
        ),
        own(
            "HopguardLineageLost",
            "HopguardLineageLost",
            Counter::Lost,
            "The lineage of objects could not be looked up: a loop over their bucket would not be seen.",
        ),
        Alarm {
            id: "HopguardStoppedByAws",
            rule: "HopguardStoppedByAws",
            namespace: "AWS/Lambda",
            metric: "RecursiveInvocationsDropped".to_owned(),
            description: "AWS's own loop detection has dropped invocations of the function, after about 16 visits.",
        },
    ]
}

/// Parameters `FunctionName` and `AlarmTopic`, one resource an alarm.
pub(crate) fn template() -> Value {
    let resources: Map<_, _> = alarms().iter().map(|alarm| (alarm.id.to_owned(), resource(alarm))).collect();
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Alarms on what hopguard tells CloudWatch of one function (HOPGUARD_METRICS=cloudwatch or emf), and on AWS's own loop detection.",
        "Parameters": {
            "FunctionName": { "Type": "String", "MinLength": 1, "MaxLength": 64, "Description": "The guarded function's name." },
            "AlarmTopic": { "Type": "String", "Description": "The ARN of the SNS topic that alarms go to." },
        },
        "Resources": resources,
    })
}

fn resource(alarm: &Alarm) -> Value {
    json!({
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": { "Fn::Sub": format!("${{FunctionName}}-{}", alarm.id) },
            "AlarmDescription": format!("{} {}", alarm.description, runbook(alarm.rule)),
            "Namespace": alarm.namespace,
            "MetricName": alarm.metric,
            "Dimensions": [{ "Name": DIMENSION, "Value": { "Ref": "FunctionName" } }],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            // Nothing is put where nothing was counted.
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{ "Ref": "AlarmTopic" }],
        },
    })
}
