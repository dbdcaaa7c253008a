//! Alert rules, for Prometheus and for Grafana.

use hopguard_core::{Counter, Measure};
use serde_json::{Value, json};

use super::grafana::{DIMENSION, PROJECT};
use super::promql::{self, FUNCTION, counters, gained};

/// One rule. Its runbook is the section of docs/alerts.md with its name.
pub(super) struct Alert {
    pub(super) name: &'static str,
    expression: String,
    /// How long it has to hold.
    lasting: &'static str,
    /// `page`: somebody has to act now. `ticket`: somebody has to act. `info`: worth knowing.
    severity: &'static str,
    summary: &'static str,
    description: &'static str,
}

/// The function, as both rulers put it into a text. `$labels` would do as well, but Grafana takes a dollar for a variable of its environment.
macro_rules! of_function {
    ($text:literal) => {
        concat!("{{ .Labels.faas_name }} ", $text)
    };
}

fn alerts() -> Vec<Alert> {
    vec![
        Alert {
            name: "HopguardTripped",
            expression: any(&[&[Counter::Tripped]], "10m"),
            lasting: "0m",
            severity: "page",
            summary: of_function!("was set to reserved concurrency 0"),
            description: "A record went beyond a limit, so hopguard has stopped the function in {{ .Labels.cloud_region }}. Nothing invokes it now. Find the chain in its log, mend the loop, then resume it.",
        },
        Alert {
            name: "HopguardTripFailed",
            expression: any(&[&[Counter::TripFailed]], "10m"),
            lasting: "0m",
            severity: "page",
            summary: of_function!("could not be set to 0 and still runs"),
            description: "The blocked records are kept from the handler, but every copy of them still costs an invocation. Set reserved concurrency 0 by hand, then look why the role may not.",
        },
        Alert {
            name: "HopguardBlockedWithoutTrip",
            expression: format!(
                "{} unless on ({FUNCTION}) {}",
                any(&[&[Counter::Blocked]], "15m"),
                any(&[&[Counter::Tripped, Counter::TripFailed]], "1h")
            ),
            lasting: "5m",
            severity: "ticket",
            summary: of_function!("has blocked records and was not tripped"),
            description: "Its breaker is off (HOPGUARD_TRIP=off), or the function was tripped long ago and what circles comes back. Look at the quarantine queue and at what feeds the function.",
        },
        Alert {
            name: "HopguardLineageLost",
            expression: any(&[&[Counter::Lost]], "15m"),
            lasting: "5m",
            severity: "ticket",
            summary: of_function!("could not look up the lineage of objects"),
            description: "A loop over this bucket would not be seen. Most often the function's role lacks s3:GetObject on it.",
        },
        Alert {
            name: "HopguardLineageNotCarried",
            expression: any(&[&[Counter::NoRoom], &[Counter::Unsupported], &[Counter::NoScope]], "1h"),
            lasting: "15m",
            severity: "info",
            summary: of_function!("sends what carries no lineage"),
            description: "A loop through these sends starts a new chain at each round, and is not cut. Make room in the message, or send within the handler.",
        },
        Alert {
            name: "HopguardLineageRejected",
            expression: any(&[&[Counter::Rejected]], "15m"),
            lasting: "5m",
            severity: "ticket",
            summary: of_function!("does not believe tokens that it gets"),
            description: "The signing keys of two functions differ, or somebody sends tokens of their own. Each such record starts a new chain.",
        },
        Alert {
            name: "HopguardTelemetryDropped",
            expression: any(
                &[
                    &[Counter::DroppedSpans, Counter::DroppedPoints, Counter::DroppedLogs],
                    &[Counter::RefusedByCollector],
                    &[Counter::ExportFailures],
                ],
                "15m",
            ),
            lasting: "10m",
            severity: "ticket",
            summary: of_function!("loses telemetry"),
            description: "Functions are guarded all the same, but these alerts may miss something. Look at the collector.",
        },
        Alert {
            name: "HopguardLayerFaults",
            expression: any(&[&[Counter::InjectorFaults], &[Counter::PartRestarts]], "15m"),
            lasting: "0m",
            severity: "ticket",
            summary: of_function!("has faults inside the layer"),
            description: "Invocations ran, but a part of the layer failed and may have missed something. Report it with the function's log.",
        },
        Alert {
            name: "HopguardWaitShareHigh",
            expression: format!(
                "{} / {} > 0.6 and {} > 0.01",
                summed(Measure::Wait, "1h"),
                summed(Measure::InvokeDuration, "1h"),
                summed(Measure::WaitCost, "1h"),
            ),
            lasting: "30m",
            severity: "info",
            summary: of_function!("waits for most of the time that it runs"),
            description: "More than 60 % of the time that it ran in the last hour was waiting, for more than one cent. Its page shows which calls.",
        },
        Alert {
            name: "HopguardFinding",
            expression: format!(
                "sum by ({FUNCTION}, finding) ({}) > 0",
                bare(&gained(&counters(&findings(), ""), "6h"))
            ),
            lasting: "0m",
            severity: "info",
            summary: of_function!("shows the anti-pattern {{ .Labels.finding }}"),
            description: "Seen in the last six hours; the function's log has the evidence. Not urgent.",
        },
    ]
}

fn findings() -> Vec<Counter> {
    vec![
        Counter::FoundRecursion,
        Counter::FoundSyncInvoke,
        Counter::FoundSerialWait,
        Counter::FoundOrchestrator,
        Counter::FoundMonolith,
    ]
}

/// Functions that have any of these events in a window; each list is of one metric.
fn any(events: &[&[Counter]], window: &str) -> String {
    let each = events
        .iter()
        .map(|events| format!("sum by ({FUNCTION}) ({}) > 0", bare(&gained(&counters(events, ""), window))));
    each.collect::<Vec<_>>().join(" or ")
}

fn summed(measure: Measure, window: &str) -> String {
    let series = format!("{}_sum", promql::name(measure.name(), measure.unit()));
    format!("sum by ({FUNCTION}) ({})", bare(&gained(&series, window)))
}

/// Without the brackets around it.
fn bare(expression: &str) -> &str {
    expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(expression)
}

/// Where to read on about an alert.
pub(super) fn runbook(name: &str) -> String {
    format!("{PROJECT}/alerts.md#{}", name.to_ascii_lowercase())
}

impl Alert {
    fn annotations(&self) -> Value {
        json!({ "summary": self.summary, "description": self.description, "runbook_url": runbook(self.name) })
    }

    fn labels(&self) -> Value {
        json!({ "severity": self.severity })
    }
}

/// The file that Prometheus's `rule_files` names.
pub(crate) fn prometheus() -> Value {
    let rule = |alert: &Alert| {
        json!({ "alert": alert.name, "expr": alert.expression, "for": alert.lasting, "labels": alert.labels(),
            "annotations": alert.annotations() })
    };
    json!({ "groups": [{ "name": "hopguard", "interval": "30s", "rules": alerts().iter().map(rule).collect::<Vec<_>>() }] })
}

/// The file for Grafana's provisioning: the same rules, and one on CloudWatch, which alone knows what AWS has stopped.
pub(crate) fn grafana() -> Value {
    let rule = |name: &str, model: Value, data: &str, lasting: &str, labels: Value, annotations: Value| {
        json!({
            "uid": name.to_ascii_lowercase(), "title": name, "condition": "C", "for": lasting, "labels": labels, "annotations": annotations,
            "noDataState": "OK", "execErrState": "Error", "isPaused": false,
            "data": [
                { "refId": "A", "datasourceUid": data, "relativeTimeRange": { "from": 600, "to": 0 }, "model": model },
                { "refId": "C", "datasourceUid": "__expr__", "relativeTimeRange": { "from": 0, "to": 0 }, "model": {
                    "refId": "C", "type": "threshold", "expression": "A", "datasource": { "type": "__expr__", "uid": "__expr__" },
                    "conditions": [{ "type": "query", "evaluator": { "type": "gt", "params": [0] } }] } },
            ],
        })
    };
    let ours = alerts().into_iter().map(|alert| {
        let model = json!({ "refId": "A", "editorMode": "code", "expr": alert.expression, "instant": true, "range": false });
        rule(alert.name, model, "${HOPGUARD_PROMETHEUS_UID}", alert.lasting, alert.labels(), alert.annotations())
    });
    let aws = {
        let name = "HopguardStoppedByAws";
        let model = json!({ "refId": "A", "queryMode": "Metrics", "metricQueryType": 1, "metricEditorMode": 1, "region": "default", "id": "a",
            "namespace": "AWS/Lambda", "statistic": "Sum", "period": "300",
            "sqlExpression": format!("SELECT SUM(RecursiveInvocationsDropped) FROM SCHEMA(\"AWS/Lambda\", {DIMENSION}) GROUP BY {DIMENSION}") });
        let annotations = json!({ "summary": "AWS has stopped a loop of {{ .Labels.FunctionName }}",
            "description": "AWS's own detection has dropped invocations after about 16 visits. The function is not guarded by hopguard, or its limit is higher.",
            "runbook_url": runbook(name) });
        let mut rule = rule(
            name,
            model,
            "${HOPGUARD_CLOUDWATCH_UID}",
            "0m",
            json!({ "severity": "ticket" }),
            annotations,
        );
        // A query of CloudWatch has its values over time: their last one decides.
        if let Some(data) = rule.get_mut("data").and_then(Value::as_array_mut) {
            data.insert(1, json!({ "refId": "B", "datasourceUid": "__expr__", "relativeTimeRange": { "from": 0, "to": 0 }, "model": {
                "refId": "B", "type": "reduce", "reducer": "sum", "expression": "A", "settings": { "mode": "dropNN" },
                "datasource": { "type": "__expr__", "uid": "__expr__" } } }));
            if let Some(expression) = data.get_mut(2).and_then(|last| last.pointer_mut("/model/expression")) {
                *expression = json!("B");
            }
        }
        rule
    };
    let rules: Vec<_> = ours.chain([aws]).collect();
    json!({ "apiVersion": 1, "groups": [{ "orgId": 1, "name": "hopguard", "folder": "hopguard", "interval": "1m", "rules": rules }] })
}
