//! Every expression on a real Prometheus, with what layers have exported.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use hopguard::core::Counter;
use hopguard_tests::{Prometheus, Toolbox, eventually};
use serde_json::{Value, json};

use crate::exposition::{self, Kind, Series, name};
use crate::files::{self, EXPLORER, Query, list, panels};
use crate::language::SOON;
use crate::looped::{LOOPED, UNTRIPPED, exported};
use crate::tree::checkout;

/// What goes wrong in none of these functions, and is set to 1 by the test where it did not: sends that cannot carry lineage, calls and
/// exports in trouble, windows of a thousand invocations, faults of the layer.
const NOT_PROVOKED: [Counter; 31] = [
    Counter::Dropped,
    Counter::Lost,
    Counter::Uncounted,
    Counter::Replaced,
    Counter::Packed,
    Counter::NoRoom,
    Counter::Unsupported,
    Counter::NoScope,
    Counter::TripFailed,
    Counter::IndexHits,
    Counter::Lookups,
    Counter::Timeouts,
    Counter::DroppedSpans,
    Counter::DroppedPoints,
    Counter::DroppedLogs,
    Counter::RefusedByCollector,
    Counter::ExportRetries,
    Counter::ExportFailures,
    Counter::RejectedReports,
    Counter::RejectedRequests,
    Counter::RejectedEvents,
    Counter::InjectorFaults,
    Counter::PartRestarts,
    Counter::CallRetries,
    Counter::CallTimeouts,
    Counter::DroppedCalls,
    Counter::FoundRecursion,
    Counter::FoundSyncInvoke,
    Counter::FoundSerialWait,
    Counter::FoundOrchestrator,
    Counter::FoundMonolith,
];

/// A function that waits for more than a cent: nobody has the time to really do so.
const DEAR: [(&str, f64); 3] = [
    ("hopguard_wait_seconds_sum", 3_500.0),
    ("faas_invoke_duration_seconds_sum", 4_000.0),
    ("hopguard_wait_cost_sum", 0.03),
];

#[tokio::test]
async fn every_expression_has_data_and_every_alert_fires() -> Result<()> {
    let collector = exported().await?;
    let mut series = exposition::series(&collector.metrics());
    let prometheus = Prometheus::start(&impatient_rules()?).await?;
    expose(&prometheus, &series).await?;
    let (start, queries) = (now(), files::queries());
    // The pictures in docs/ are made of what was exported alone.
    let answers = ask(&prometheus, &queries, start).await?;
    let kept =
        queries.iter().zip(&answers).map(|(query, answer)| json!({ "place": query.place, "result": answer }));
    fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/dashboards.json"), Value::from_iter(kept).to_string())?;

    complete(&mut series);
    expose(&prometheus, &series).await?;
    let answers = ask(&prometheus, &queries, now()).await?;
    let is_empty = |answer: &[Value]| answer.iter().all(|series| series.to_string().contains("\"NaN\""));
    let empty: Vec<_> = queries.iter().zip(&answers).filter(|(_, answer)| is_empty(answer)).collect();
    assert!(empty.is_empty() && queries.len() > 50, "no data of {}: {empty:#?}", queries.len());

    // One of each: what the panel says is what has happened.
    for (title, expected) in [("Trips", "2"), ("Functions at 0", "2")] {
        let query =
            queries.iter().find(|query| query.panel == format!("grafana/prometheus/overview.json: {title}"));
        let found = prometheus.at(&query.unwrap().expression, start + 400.0).await?;
        assert_eq!(found[0]["value"][1], expected, "{title}: {found:?}");
    }

    let rules: Vec<_> = files::rules().into_iter().map(|rule| rule.name).collect();
    let firing = eventually("every alert to fire", SOON, async || {
        let firing = prometheus.firing().await?;
        let all = rules.iter().all(|rule| firing.iter().any(|alert| alert["labels"]["alertname"] == **rule));
        Ok(all.then_some(firing))
    })
    .await;
    let firing = match firing {
        Ok(firing) => firing,
        Err(error) => return Err(error.context(format!("{:#?}", prometheus.firing().await?))),
    };
    let of = |rule: &str| -> Vec<_> {
        let fires = firing.iter().filter(|alert| alert["labels"]["alertname"] == rule);
        fires.map(|alert| alert["labels"]["faas_name"].as_str().unwrap()).collect()
    };
    assert!(of("HopguardTripped").contains(&LOOPED));
    assert!(of("HopguardBlockedWithoutTrip").contains(&UNTRIPPED));
    assert!(!of("HopguardBlockedWithoutTrip").contains(&LOOPED));
    let summary = firing.iter().find(|alert| alert["labels"]["alertname"] == "HopguardTripped").unwrap();
    let summary = summary["annotations"]["summary"].as_str().unwrap();
    assert!(summary.ends_with(" was set to reserved concurrency 0") && !summary.contains("{{"), "{summary}");

    explored(&collector.spans());
    Ok(())
}

/// Has it scrape these series, and waits until it has.
async fn expose(prometheus: &Prometheus, series: &Series) -> Result<()> {
    prometheus.expose(exposition::text(series));
    let count = format!("count({{faas_name!=\"\"}}) >= {}", series.len());
    eventually("Prometheus to have scraped", SOON, async || {
        Ok((!prometheus.at(&count, now()).await?.is_empty()).then_some(()))
    })
    .await
}

/// What each query returns, as a dashboard that is looked at would ask.
async fn ask(prometheus: &Prometheus, queries: &[Query], start: f64) -> Result<Vec<Vec<Value>>> {
    let mut answers = Vec::new();
    for query in queries {
        let answer = match query.instant {
            // Later, when nothing has run for five minutes.
            true => prometheus.at(&query.expression, start + 400.0).await,
            false => prometheus.between(&query.expression, start - 600.0, start + 60.0).await,
        };
        answers.push(answer.with_context(|| query.panel.clone())?);
    }
    Ok(answers)
}

/// What the chain explorer asks of spans, they have.
fn explored(spans: &[Value]) {
    let explorer = files::json(EXPLORER);
    for panel in panels(&explorer) {
        for target in list(panel, "targets") {
            let query = target["query"].as_str().unwrap();
            let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || "._".contains(c)));
            for word in words {
                let (member, attribute) = match (word.strip_prefix("span."), word.strip_prefix("resource.")) {
                    (Some(attribute), _) => ("attributes", attribute),
                    (_, Some(attribute)) => ("resource", attribute),
                    _ => continue,
                };
                assert!(spans.iter().any(|span| !span[member][attribute].is_null()), "no span has {word}");
            }
        }
    }
}

/// Adds what no function has provoked. All others have to be there.
fn complete(series: &mut Series) {
    let looped =
        series.keys().find(|(name, labels)| name == "hopguard_trips_total" && labels["faas_name"] == LOOPED);
    let mut resource = looped.expect("a trip of the looped function").1.clone();
    resource.remove("outcome");
    assert_eq!(
        (resource["cloud_account_id"].as_str(), resource["cloud_region"].as_str()),
        ("000000000000", "us-east-1")
    );
    let missing: Vec<_> = Counter::ALL.into_iter().filter(|counter| !has(series, *counter)).collect();
    let unexpected: Vec<_> = missing.iter().filter(|counter| !NOT_PROVOKED.contains(counter)).collect();
    assert!(unexpected.is_empty(), "no function has exported {unexpected:?}");
    for counter in missing {
        let (metric, attribute) = counter.metric();
        let mut labels = resource.clone();
        labels.extend(attribute.map(|(key, value)| (key.to_owned(), value.to_owned())));
        series.insert((name(metric, "1", Kind::Counter), labels), 1.0);
    }
    for (name, value) in DEAR {
        let mut labels = resource.clone();
        labels.insert("faas_name".to_owned(), "dear".to_owned());
        series.insert((name.to_owned(), labels), value);
    }
}

fn has(series: &Series, counter: Counter) -> bool {
    let (metric, attribute) = counter.metric();
    let name = name(metric, "1", Kind::Counter);
    let matches = |labels: &BTreeMap<String, String>| {
        attribute.is_none_or(|(key, value)| labels.get(key).is_some_and(|found| found == value))
    };
    series.keys().any(|(found, labels)| *found == name && matches(labels))
}

/// The rules, but that they fire at once and are evaluated each second. That they wait as long as they say, promtool shows.
fn impatient_rules() -> Result<std::path::PathBuf> {
    let mut text = files::text("prometheus/alerts.yaml").replace("interval: \"30s\"", "interval: \"1s\"");
    for rule in files::rules() {
        text = text.replace(&format!("for: \"{}\"", rule.lasting), "for: \"0s\"");
    }
    let file = tempfile::Builder::new().suffix(".yaml").tempfile_in(env!("CARGO_TARGET_TMPDIR"))?;
    fs::write(file.path(), text)?;
    Ok(file.into_temp_path().keep()?)
}

fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
}

/// promtool's own checks, and its tests in `dashboards/prometheus/alerts.test.yaml`.
#[tokio::test]
async fn promtool_passes_rules_and_their_tests() -> Result<()> {
    let programs =
        tokio::task::spawn_blocking(|| Toolbox::new().prometheus(&(Arc::new(|_: &str| ()) as _))).await??;
    let folder = checkout("dashboards/prometheus");
    let tests = files::text("prometheus/alerts.test.yaml");
    for rule in files::rules() {
        assert!(tests.contains(&format!("alertname: {}\n", rule.name)), "no test of {}", rule.name);
    }
    for arguments in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]] {
        let output = Command::new(programs.join("promtool")).args(arguments).current_dir(&folder).output()?;
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        ensure!(output.status.success(), "{arguments:?}: {}", said.concat());
    }
    Ok(())
}
