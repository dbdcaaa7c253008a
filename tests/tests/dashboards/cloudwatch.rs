//! CloudWatch's dashboard and alarms on the local cloud, with what the layer has put there of guarded loops.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, StateValue, Statistic};
use hopguard_tests::{Cloud, eventually};
use serde_json::Value;

use crate::bed::Bed;
use crate::files::{json, list, text};
use crate::known::{OF_AWS, in_cloudwatch};
use crate::language::SOON;
use crate::looped::{LOOPED, cut_loops};

const NAMESPACE: &str = "hopguard";

/// Widgets of things that do not happen in a loop that is cut, or that AWS's emulator of the environment does not tell; the names of their
/// metrics are checked against core.
const WITHOUT_DATA: [&str; 10] = [
    "Trips that failed",
    "Throttled invocations",
    "Stopped by AWS",
    "Lineage that did not get through",
    "Telemetry lost",
    "Exports in trouble",
    "Faults inside the layer",
    "Initialisation",
    "Memory used",
    "Calls in trouble",
];

/// The dashboard as CloudFormation's `Fn::Sub` makes it.
fn dashboard() -> String {
    let text = text("cloudwatch/overview.json");
    let text = text.replace("${AWS::Region}", Cloud::REGION).replace("${AWS::AccountId}", Cloud::ACCOUNT);
    let text = text.replace("${FunctionName}", LOOPED);
    assert!(!text.contains("${"), "a placeholder is left");
    text
}

#[tokio::test]
async fn the_dashboard_is_taken_and_shows_a_cut_loop_and_its_alarms_go_off() -> Result<()> {
    let bed = Bed::start().await?;
    cut_loops(&bed, &[("HOPGUARD_METRICS", "cloudwatch")]).await?;
    let client = Client::new(bed.cloud.sdk());
    let put = eventually("trips in CloudWatch", SOON, async || {
        let found = metrics(&client).await?;
        Ok(found.contains("hopguard.trips.tripped").then_some(found))
    })
    .await?;
    let unknown: Vec<_> = put.iter().filter(|name| !in_cloudwatch().contains(*name)).collect();
    assert!(unknown.is_empty(), "core does not name {unknown:?}");

    let body = dashboard();
    let answer = client.put_dashboard().dashboard_name("hopguard").dashboard_body(&body).send().await?;
    assert!(answer.dashboard_validation_messages().is_empty(), "{answer:?}");
    let kept = client.get_dashboard().dashboard_name("hopguard").send().await?;
    let kept: Value = serde_json::from_str(kept.dashboard_body().context("no body")?)?;
    let dashboard: Value = serde_json::from_str(&body)?;
    assert_eq!(kept, dashboard);

    let mut without = BTreeSet::new();
    for widget in list(&dashboard, "widgets").filter(|widget| widget["type"] == "metric") {
        let properties = &widget["properties"];
        let title = properties["title"].as_str().unwrap();
        let mut shows = false;
        for name in list(properties, "metrics").flat_map(named) {
            assert!(in_cloudwatch().contains(&name) || OF_AWS.contains(&name.as_str()), "{title}: {name}");
            shows |= has_data(&client, &name).await?;
        }
        if !shows {
            without.insert(title.to_owned());
        }
    }
    let unexpected: Vec<_> = without.iter().filter(|title| !WITHOUT_DATA.contains(&title.as_str())).collect();
    assert!(unexpected.is_empty(), "no data for {unexpected:?}: CloudWatch has {put:?}");

    alarms(&client).await
}

/// The metrics that an entry of a widget shows: itself, or what its expression searches.
fn named(metric: &Value) -> Vec<String> {
    match metric[0].as_str() {
        Some(_) => vec![metric[1].as_str().unwrap().to_owned()],
        None => {
            let expression = metric[0]["expression"].as_str().unwrap();
            let searched = expression.split("MetricName=\"").skip(1);
            searched.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
        }
    }
}

async fn metrics(client: &Client) -> Result<BTreeSet<String>> {
    let listed = client.list_metrics().namespace(NAMESPACE).send().await?;
    Ok(listed.metrics().iter().filter_map(|metric| metric.metric_name()).map(str::to_owned).collect())
}

/// Whether a metric of one of the functions has a value of the last minutes.
async fn has_data(client: &Client, name: &str) -> Result<bool> {
    let now = SystemTime::now();
    for function in [LOOPED, "copier"] {
        let statistics = client
            .get_metric_statistics()
            .namespace(NAMESPACE)
            .metric_name(name)
            .dimensions(Dimension::builder().name("FunctionName").value(function).build())
            .statistics(Statistic::Sum)
            .start_time((now - Duration::from_secs(600)).into())
            .end_time((now + Duration::from_secs(60)).into())
            .period(60)
            .send()
            .await?;
        if statistics.datapoints().iter().any(|point| point.sum().is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Puts the alarms as CloudFormation would, and waits until those on the loop are in state ALARM, and the others are not.
async fn alarms(client: &Client) -> Result<()> {
    let template = json("cloudwatch/alarms.json");
    let resources = template["Resources"].as_object().unwrap();
    for resource in resources.values() {
        assert_eq!(resource["Type"], "AWS::CloudWatch::Alarm");
        let properties = &resource["Properties"];
        let text = |name: &str| properties[name].as_str().unwrap();
        let name = properties["AlarmName"]["Fn::Sub"].as_str().unwrap().replace("${FunctionName}", LOOPED);
        let dimension = &properties["Dimensions"][0];
        assert_eq!(dimension["Value"]["Ref"], "FunctionName");
        let dimension = Dimension::builder().name(dimension["Name"].as_str().unwrap()).value(LOOPED).build();
        let number = |name: &str| i32::try_from(properties[name].as_i64().unwrap()).unwrap();
        client
            .put_metric_alarm()
            .alarm_name(name)
            .alarm_description(text("AlarmDescription"))
            .namespace(text("Namespace"))
            .metric_name(text("MetricName"))
            .dimensions(dimension)
            .statistic(Statistic::from(text("Statistic")))
            .period(number("Period"))
            .evaluation_periods(number("EvaluationPeriods"))
            .threshold(properties["Threshold"].as_f64().unwrap())
            .comparison_operator(ComparisonOperator::from(text("ComparisonOperator")))
            .treat_missing_data(text("TreatMissingData"))
            .send()
            .await?;
    }
    let expected = BTreeSet::from(["worker-HopguardBlocked".to_owned(), "worker-HopguardTripped".to_owned()]);
    eventually("the alarms on the loop", SOON, async || {
        let alarms = client.describe_alarms().send().await?;
        assert_eq!(alarms.metric_alarms().len(), resources.len());
        let gone_off =
            alarms.metric_alarms().iter().filter(|alarm| alarm.state_value() == Some(&StateValue::Alarm));
        let gone_off: BTreeSet<_> =
            gone_off.filter_map(|alarm| alarm.alarm_name()).map(str::to_owned).collect();
        Ok((gone_off == expected).then_some(()))
    })
    .await
}
