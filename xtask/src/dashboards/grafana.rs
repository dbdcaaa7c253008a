//! Pages as Grafana's dashboards (JSON model, as @grafana/schema 12.3 has it).

use hopguard_core::Counter;
use serde_json::{Value, json};

use super::panel::{By, Kind, Of, Page, Panel, Row, Series, Unit};
use super::targets;

/// What Grafana 12.3 writes into its own.
const SCHEMA_VERSION: u32 = 42;
const TAG: &str = "hopguard";
pub(super) const PROJECT: &str = "https://github.com/hopguard/hopguard/blob/main/docs";
/// Names of dimensions and the namespace, as the layer puts them.
pub(super) const NAMESPACE: &str = "hopguard";
pub(super) const DIMENSION: &str = "FunctionName";

/// Where the figures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Prometheus,
    CloudWatch,
}

impl Source {
    const fn plugin(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::CloudWatch => "cloudwatch",
        }
    }

    fn uid(self, page: &str) -> String {
        match self {
            Self::Prometheus => page.to_owned(),
            Self::CloudWatch => format!("{page}-cloudwatch"),
        }
    }

    pub(super) fn data(self) -> Value {
        json!({ "type": self.plugin(), "uid": "${datasource}" })
    }

    const fn has(self, series: &Series) -> bool {
        match self {
            Self::Prometheus => series.in_prometheus(),
            Self::CloudWatch => series.in_cloudwatch(),
        }
    }
}

/// A page for one source. Panels that the source has nothing for are left out.
pub(crate) fn dashboard(page: &Page, source: Source) -> Value {
    let mut panels = Vec::new();
    let (mut id, mut top) = (0, 0);
    for row in &page.rows {
        id += 1;
        panels.push(json!({ "id": id, "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": { "x": 0, "y": top, "w": 24, "h": 1 } }));
        top += 1;
        let shown = shown(row, |series| source.has(series));
        for (panel, place) in placed(&shown, &mut top) {
            id += 1;
            panels.push(panel_json(panel, source, id, &place));
        }
    }
    json!({
        "uid": source.uid(page.uid),
        "title": format!("{}{}", page.title, if source == Source::CloudWatch { " (CloudWatch)" } else { "" }),
        "description": page.description,
        "tags": [TAG],
        "editable": true,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA_VERSION,
        "time": { "from": "now-6h", "to": "now" },
        "refresh": "1m",
        "timezone": "browser",
        "annotations": { "list": [] },
        "templating": { "list": variables(page, source) },
        "links": links(),
        "panels": panels,
    })
}

/// The panels of a row that a source has anything for.
pub(super) fn shown(row: &Row, has: impl Fn(&Series) -> bool) -> Vec<&Panel> {
    row.panels.iter().filter(|panel| panel.series.iter().any(&has)).collect()
}

/// Each panel with its place: numbers in lines of eight at most, others in lines of three, and `top` below all of them.
pub(super) fn placed<'p>(panels: &[&'p Panel], top: &mut u32) -> Vec<(&'p Panel, Value)> {
    let (numbers, others): (Vec<&Panel>, Vec<&Panel>) =
        panels.iter().partition(|panel| panel.kind == Kind::Number);
    let mut all = Vec::new();
    for (panels, most, height) in [(numbers, 8, 4), (others, 3, 8)] {
        // Lines of about the same length, each as wide as the page.
        let lines = panels.len().div_ceil(most).max(1);
        for line in panels.chunks(panels.len().div_ceil(lines).max(1)) {
            let edge = |nth: usize| nth * 24 / line.len();
            for (panel, nth) in line.iter().zip(0..) {
                let (left, right) = (edge(nth), edge(nth + 1));
                all.push((*panel, json!({ "x": left, "y": *top, "w": right - left, "h": height })));
            }
            *top += height;
        }
    }
    all
}

fn panel_json(panel: &Panel, source: Source, id: u32, place: &Value) -> Value {
    let series: Vec<_> = panel.series.iter().filter(|series| source.has(series)).collect();
    let targets: Vec<Value> = match source {
        Source::Prometheus => {
            series.iter().zip(0..).map(|(series, nth)| targets::prometheus(panel, series, nth)).collect()
        }
        Source::CloudWatch => {
            series.iter().zip(0..).flat_map(|(series, nth)| targets::cloudwatch(series, nth)).collect()
        }
    };
    let (kind, options) = look(panel, source);
    let mut defaults = json!({ "unit": unit(panel.unit), "noValue": if panel.unit == Unit::Count { "0" } else { "–" },
        "color": { "mode": if panel.limits.is_some() && panel.kind != Kind::Lines { "thresholds" } else { "palette-classic" } },
        "thresholds": { "mode": "absolute", "steps": steps(panel.limits) } });
    if panel.unit == Unit::Share {
        merge(&mut defaults, json!({ "min": 0, "max": 1 }));
    }
    if let Kind::Lines | Kind::Bars = panel.kind {
        let bars = panel.kind == Kind::Bars;
        merge(
            &mut defaults,
            json!({ "min": 0, "custom": {
                "drawStyle": if bars { "bars" } else { "line" },
                "fillOpacity": if bars { 80 } else { 10 },
                "lineWidth": 1,
                // A function that runs now and then has points without a line between them.
                "showPoints": if bars { "never" } else { "always" },
                "pointSize": 5,
                "stacking": { "mode": if bars { "normal" } else { "none" }, "group": "A" },
                "thresholdsStyle": { "mode": if panel.limits.is_some() { "dashed" } else { "off" } },
            }}),
        );
    }
    if series.iter().any(|series| series.by == By::Function) {
        let url = format!(
            "/d/{}?var-function=${{__field.labels.{}}}&${{__url_time_range}}&${{datasource:queryparam}}&${{account:queryparam}}&${{region:queryparam}}",
            source.uid("hopguard-function"),
            if source == Source::Prometheus { "faas_name" } else { DIMENSION }
        );
        merge(
            &mut defaults,
            json!({ "links": [{ "title": "The function's page", "url": url, "targetBlank": false }] }),
        );
    }
    json!({ "id": id, "type": kind, "title": panel.title, "description": panel.description, "gridPos": place,
        "datasource": source.data(), "targets": targets, "options": options, "links": panel_links(panel),
        "interval": "1m", "fieldConfig": { "defaults": defaults, "overrides": [] } })
}

/// Which of Grafana's panels it is, with its options.
fn look(panel: &Panel, source: Source) -> (&'static str, Value) {
    // A number of CloudWatch comes as its values over time.
    let whole = match panel.unit {
        Unit::Count | Unit::Dollars | Unit::Seconds if source == Source::CloudWatch && adds_up(panel) => {
            "sum"
        }
        _ if source == Source::CloudWatch && panel.kind != Kind::Lines => "max",
        _ => "lastNotNull",
    };
    let reduce = json!({ "calcs": [whole], "fields": "", "values": false });
    match panel.kind {
        Kind::Number => (
            "stat",
            json!({ "reduceOptions": reduce, "colorMode": "background", "graphMode": "none",
            "justifyMode": "auto", "orientation": "auto", "textMode": "auto", "wideLayout": true,
            "showPercentChange": false, "percentChangeColorMode": "standard" }),
        ),
        Kind::Ranking => (
            "bargauge",
            json!({ "reduceOptions": reduce, "displayMode": "basic", "orientation": "horizontal",
            "valueMode": "color", "namePlacement": "auto", "showUnfilled": true, "sizing": "auto",
            "minVizWidth": 8, "minVizHeight": 16, "maxVizHeight": 300,
            "legend": { "displayMode": "list", "placement": "bottom", "calcs": [], "showLegend": false } }),
        ),
        Kind::Lines | Kind::Bars => (
            "timeseries",
            json!({
            "legend": { "displayMode": "list", "placement": "bottom", "calcs": [], "showLegend": true },
            "tooltip": { "mode": "multi", "sort": "desc" } }),
        ),
    }
}

fn adds_up(panel: &Panel) -> bool {
    panel.series.iter().all(|series| {
        matches!(series.of, Of::Events(_) | Of::Sum(_) | Of::Throttles | Of::RecursiveInvocationsDropped)
    })
}

fn variables(page: &Page, source: Source) -> Vec<Value> {
    let all = |name: &str, label: &str, query: Value, every: &str, several: bool| {
        let whole =
            json!({ "text": "All", "value": if several { json!(["$__all"]) } else { json!("$__all") } });
        json!({ "name": name, "label": label, "type": "query", "datasource": source.data(), "query": query, "refresh": 2,
            "includeAll": true, "allValue": every, "multi": several, "sort": 1, "current": whole, "options": [], "hide": 0 })
    };
    let data = json!({ "name": "datasource", "label": "Data source", "type": "datasource", "query": source.plugin(), "refresh": 1,
        "current": { "text": "", "value": "" }, "options": [], "hide": 0, "includeAll": false, "multi": false });
    let several = !page.of_one;
    let own = match source {
        Source::Prometheus => {
            let values = |label: &str, of: &str| json!({ "qryType": 1, "query": format!("label_values(faas_invocations_total{{{of}}}, {label})"), "refId": label });
            vec![
                all("account", "Account", values("cloud_account_id", ""), ".*", several),
                all(
                    "region",
                    "Region",
                    values("cloud_region", "cloud_account_id=~\"$account\""),
                    ".*",
                    several,
                ),
                all(
                    "function",
                    "Function",
                    values("faas_name", "cloud_account_id=~\"$account\",cloud_region=~\"$region\""),
                    ".*",
                    several,
                ),
            ]
        }
        Source::CloudWatch => {
            let query = |kind: &str, more: Value| {
                let mut query = json!({ "queryType": kind, "refId": kind, "region": "$region" });
                merge(&mut query, more);
                query
            };
            let mut region = all("region", "Region", query("regions", json!({})), "", false);
            merge(
                &mut region,
                json!({ "includeAll": false, "current": { "text": "default", "value": "default" } }),
            );
            vec![
                region,
                all("account", "Account", query("accounts", json!({})), "all", false),
                all(
                    "function",
                    "Function",
                    query(
                        "dimensionValues",
                        json!({ "namespace": NAMESPACE,
                    "metricName": Counter::Invocations.flat_name(), "dimensionKey": DIMENSION }),
                    ),
                    "*",
                    several,
                ),
            ]
        }
    };
    std::iter::once(data).chain(own).collect()
}

/// From each dashboard to all others of hopguard, and to the runbook.
pub(super) fn links() -> Value {
    let link = |title: &str, kind: &str, tags: Value, url: &str, icon: &str| {
        json!({ "title": title, "type": kind, "tags": tags, "url": url, "icon": icon, "tooltip": "", "asDropdown": false,
            "includeVars": kind == "dashboards", "keepTime": kind == "dashboards", "targetBlank": kind != "dashboards" })
    };
    json!([
        link("hopguard", "dashboards", json!([TAG]), "", "external link"),
        link("Runbook", "link", json!([]), &format!("{PROJECT}/runbook.md#a-function-is-at-0"), "doc"),
    ])
}

/// Where to go from a panel.
fn panel_links(panel: &Panel) -> Value {
    let link = |title: &str, url: String, new: bool| {
        json!({ "title": title, "type": "link", "url": url, "tags": [], "icon": "", "tooltip": "", "asDropdown": false,
            "includeVars": false, "keepTime": false, "targetBlank": new })
    };
    let traces = || {
        link(
            "Their chains",
            "/d/hopguard-chains?var-function=${function:regex}&${__url_time_range}".to_owned(),
            false,
        )
    };
    let of = |wanted: &[Counter]| {
        panel.series.iter().any(|series| matches!(&series.of, Of::Events(events) if events.iter().any(|event| wanted.contains(event))))
    };
    let mut links = Vec::new();
    if of(&[Counter::Blocked, Counter::Tripped, Counter::TripFailed]) {
        links.push(traces());
    }
    if of(&[Counter::Tripped, Counter::TripFailed])
        || panel.series.iter().any(|series| matches!(series.of, Of::AtZero | Of::Throttles))
    {
        links.push(link("A function is at 0", format!("{PROJECT}/runbook.md#a-function-is-at-0"), true));
    }
    if of(&[Counter::FoundRecursion]) {
        links.push(link("Findings", format!("{PROJECT}/findings.md"), true));
    }
    Value::Array(links)
}

fn steps(limits: Option<(f64, f64)>) -> Value {
    let green = json!({ "color": "green", "value": null });
    match limits {
        None => json!([green]),
        Some((warning, alarm)) if warning < alarm => {
            json!([green, { "color": "orange", "value": warning }, { "color": "red", "value": alarm }])
        }
        Some((_, alarm)) => json!([green, { "color": "red", "value": alarm }]),
    }
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "short",
        Unit::Seconds => "s",
        Unit::Bytes => "bytes",
        Unit::Dollars => "currencyUSD",
        Unit::Share => "percentunit",
    }
}

/// Puts the members of one object into another.
pub(super) fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
