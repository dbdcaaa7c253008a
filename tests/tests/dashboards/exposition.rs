//! OTLP's metrics as a collector shows them to Prometheus, with the resource's attributes as labels.
//!
//! By the specification of the two formats' compatibility:
//! <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#otlp-metric-points-to-prometheus>.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::files::list;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A metric's name for Prometheus: with its unit, and where it is a monotonic sum with `_total`. What stands in braces is no unit.
pub(crate) fn name(metric: &str, unit: &str, kind: Kind) -> String {
    let mut name: String =
        metric.chars().map(|c| if c.is_ascii_alphanumeric() || c == ':' { c } else { '_' }).collect();
    let unit = match unit {
        "s" => "seconds",
        "By" => "bytes",
        "1" if kind == Kind::Gauge => "ratio",
        "1" => "",
        braced if braced.starts_with('{') => "",
        other => panic!("{metric} has the unit {other}, which this translation does not know"),
    };
    if !unit.is_empty() && !name.ends_with(&format!("_{unit}")) {
        name = format!("{name}_{unit}");
    }
    if kind == Kind::Counter && !name.ends_with("_total") { name + "_total" } else { name }
}

/// A series' name and labels, and its last value.
pub(crate) type Series = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// The last value of each series, of all that was exported.
pub(crate) fn series(exported: &[Value]) -> Series {
    let mut series = Series::new();
    for metric in exported {
        let (own, unit) = (metric["name"].as_str().unwrap(), metric["unit"].as_str().unwrap_or_default());
        for (member, kind) in [("sum", Kind::Counter), ("gauge", Kind::Gauge), ("histogram", Kind::Histogram)]
        {
            let name = name(own, unit, kind);
            for point in list(&metric[member], "dataPoints") {
                let mut labels = labels(&metric["resource"]);
                labels.extend(self::labels(&point["attributes"]));
                if kind == Kind::Histogram {
                    histogram(&mut series, &name, &labels, point);
                } else {
                    series.insert((name.clone(), labels), number(point));
                }
            }
        }
    }
    series
}

fn histogram(series: &mut Series, name: &str, labels: &BTreeMap<String, String>, point: &Value) {
    let mut put = |part: &str, labels: BTreeMap<String, String>, value: f64| {
        series.insert((format!("{name}_{part}"), labels), value);
    };
    put("sum", labels.clone(), point["sum"].as_f64().unwrap());
    put("count", labels.clone(), whole(&point["count"]));
    let bounds = list(point, "explicitBounds").map(|bound| bound.as_f64().unwrap().to_string());
    let bounds = bounds.chain(["+Inf".to_owned()]);
    let mut below = 0.0;
    for (bound, count) in bounds.zip(list(point, "bucketCounts")) {
        below += whole(count);
        let mut labels = labels.clone();
        labels.insert("le".to_owned(), bound);
        put("bucket", labels, below);
    }
}

/// OTLP's JSON has whole numbers as text.
fn whole(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_f64()).unwrap()
}

fn number(point: &Value) -> f64 {
    if point["asInt"].is_null() { point["asDouble"].as_f64().unwrap() } else { whole(&point["asInt"]) }
}

fn labels(attributes: &Value) -> BTreeMap<String, String> {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs = attributes.as_object().into_iter().flatten();
    pairs.map(|(key, value)| (key.replace(['.', '-'], "_"), plain(value))).collect()
}

/// Prometheus's text format.
pub(crate) fn text(series: &Series) -> String {
    let mut text = String::new();
    for ((name, labels), value) in series {
        let labels: Vec<_> = labels.iter().map(|(label, value)| format!("{label}={value:?}")).collect();
        writeln!(text, "{name}{{{}}} {value}", labels.join(",")).unwrap();
    }
    text
}

#[test]
fn names_are_those_of_the_specification() {
    let cases = [
        ("hopguard.records", "1", Kind::Counter, "hopguard_records_total"),
        ("faas.invoke_duration", "s", Kind::Histogram, "faas_invoke_duration_seconds"),
        ("hopguard.layer.memory", "By", Kind::Gauge, "hopguard_layer_memory_bytes"),
        ("hopguard.wait.cost", "{USD}", Kind::Histogram, "hopguard_wait_cost"),
        ("a.share", "1", Kind::Gauge, "a_share_ratio"),
    ];
    for (metric, unit, kind, expected) in cases {
        assert_eq!(name(metric, unit, kind), expected);
    }
}

#[test]
fn a_histogram_counts_up_to_each_bound() {
    let point = serde_json::json!({ "count": "3", "sum": 4.5, "bucketCounts": ["1", "0", "2"], "explicitBounds": [0.5, 1.0],
        "attributes": { "rpc.method": "Put" } });
    let metric = serde_json::json!({ "name": "x.y", "unit": "s", "resource": { "faas.name": "f" }, "histogram": { "dataPoints": [point] } });
    let expected = "\
        x_y_seconds_bucket{faas_name=\"f\",le=\"+Inf\",rpc_method=\"Put\"} 3\n\
        x_y_seconds_bucket{faas_name=\"f\",le=\"0.5\",rpc_method=\"Put\"} 1\n\
        x_y_seconds_bucket{faas_name=\"f\",le=\"1\",rpc_method=\"Put\"} 1\n\
        x_y_seconds_count{faas_name=\"f\",rpc_method=\"Put\"} 3\n\
        x_y_seconds_sum{faas_name=\"f\",rpc_method=\"Put\"} 4.5\n";
    assert_eq!(text(&series(&[metric])), expected);
}
