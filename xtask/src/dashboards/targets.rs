//! What a panel of Grafana asks its source.

use hopguard_core::{Counter, Measure};
use serde_json::{Value, json};

use super::grafana::{DIMENSION, NAMESPACE, Source, merge};
use super::panel::{By, Kind, Of, Panel, Series};
use super::promql;

/// A query of Prometheus.
pub(super) fn prometheus(panel: &Panel, series: &Series, nth: u8) -> Value {
    let over_time = matches!(panel.kind, Kind::Lines | Kind::Bars);
    let expression = promql::expression(series, if over_time { "$__interval" } else { "$__range" });
    let expression = match panel.kind {
        Kind::Ranking if series.by != By::All => format!("topk(10, {expression} > 0)"),
        _ => expression,
    };
    json!({ "refId": letter(nth), "datasource": Source::Prometheus.data(), "editorMode": "code", "expr": expression,
        "legendFormat": promql::legend(series), "instant": !over_time, "range": over_time })
}

/// One query of CloudWatch, and where several functions become one series, the sum of what it finds.
pub(super) fn cloudwatch(series: &Series, nth: u8) -> Vec<Value> {
    let id = format!("{}{nth}", series_id(series.by));
    let query = |id: &str, hide: bool, namespace: &str, metric: &str, statistic: &str| {
        json!({ "refId": id, "id": id, "hide": hide, "datasource": Source::CloudWatch.data(), "queryMode": "Metrics",
            "metricQueryType": 0, "metricEditorMode": 0, "namespace": namespace, "metricName": metric,
            "dimensions": { DIMENSION: "$function" }, "matchExact": true, "statistic": statistic, "period": "auto",
            "region": "$region", "accountId": "$account", "expression": "", "label": "${PROP('Dim.FunctionName')}" })
    };
    let math = |expression: String| {
        json!({ "refId": format!("{id}m"), "id": format!("{id}m"), "datasource": Source::CloudWatch.data(), "queryMode": "Metrics",
            "metricQueryType": 0, "metricEditorMode": 1, "namespace": "", "expression": expression, "region": "$region",
            "accountId": "$account", "label": series.legend })
    };
    let together = series.by == By::All;
    let (a, b) = (format!("{id}a"), format!("{id}b"));
    let two = |one: Value, all: Value| {
        // Of each function for itself, a quotient of two lists is none of CloudWatch's: their sums are.
        vec![one, all, math(format!("SUM({a})/SUM({b})"))]
    };
    let measured = |measure: Measure, statistic: &str, operator: &str| {
        let found = query(&a, together, NAMESPACE, measure.name(), statistic);
        if together { vec![found, math(format!("{operator}({a})"))] } else { vec![found] }
    };
    match &series.of {
        Of::Events(events) => {
            let each = |(counter, nth): (&Counter, u8)| {
                let part = format!("{a}{nth}");
                let found = query(&part, together, NAMESPACE, &counter.flat_name(), "Sum");
                (part, found)
            };
            let (parts, mut found): (Vec<_>, Vec<_>) = events.iter().zip(0..).map(each).unzip();
            if let ([part], true) = (parts.as_slice(), together) {
                found.push(math(format!("SUM({part})")));
            } else {
                // Those that nothing is known of would leave a sum empty: each stands for itself.
                found.iter_mut().zip(events).for_each(|(query, counter)| {
                    merge(query, json!({ "hide": false }));
                    if together {
                        merge(query, json!({ "label": counter.flat_name() }));
                    }
                });
            }
            found
        }
        Of::Sum(measure) => measured(*measure, "Sum", "SUM"),
        Of::High(measure) | Of::Greatest(measure) | Of::Last(measure) => measured(*measure, "Maximum", "MAX"),
        Of::Mean(measure) if together => two(
            query(&a, true, NAMESPACE, measure.name(), "Sum"),
            query(&b, true, NAMESPACE, measure.name(), "SampleCount"),
        ),
        Of::Mean(measure) => vec![query(&a, false, NAMESPACE, measure.name(), "Average")],
        Of::Share(one, all) => {
            two(query(&a, true, NAMESPACE, one.name(), "Sum"), query(&b, true, NAMESPACE, all.name(), "Sum"))
        }
        Of::Throttles => vec![query(&a, true, "AWS/Lambda", "Throttles", "Sum"), math(format!("SUM({a})"))],
        Of::RecursiveInvocationsDropped => {
            vec![
                query(&a, true, "AWS/Lambda", "RecursiveInvocationsDropped", "Sum"),
                math(format!("SUM({a})")),
            ]
        }
        Of::CallTime | Of::CallHigh | Of::Calls | Of::AtZero => Vec::new(),
    }
}

const fn series_id(by: By) -> char {
    match by {
        By::All => 'q',
        By::Function | By::Operation => 'f',
    }
}

fn letter(nth: u8) -> String {
    char::from(b'A' + nth % 26).to_string()
}
