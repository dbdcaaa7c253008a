//! The overview as a dashboard of CloudWatch, and one function below it.
//!
//! `${AWS::Region}`, `${AWS::AccountId}` and `${FunctionName}` stand where CloudFormation's `Fn::Sub` puts them in. The last two and the
//! Region are variables of the dashboard as well; what stands there is what it opens with.

use hopguard_core::Measure;
use serde_json::{Value, json};

use super::grafana::{DIMENSION, NAMESPACE, merge, placed, shown};
use super::panel::{By, Kind, Of, Page, Panel, Series, Unit};
use super::{function, overview};

const REGION: &str = "${AWS::Region}";
const ACCOUNT: &str = "${AWS::AccountId}";
pub(super) const FUNCTION: &str = "${FunctionName}";

pub(crate) fn dashboard() -> Value {
    let mut top = 0;
    let mut widgets = Vec::new();
    for (page, heading) in [
        (
            overview::page(),
            "# hopguard: all functions\nTrips and blocks mean that a loop was cut: see [A function is at 0](https://github.com/hopguard/hopguard/blob/main/docs/runbook.md#a-function-is-at-0).",
        ),
        (function::page(), "# hopguard: one function\nChoose it above."),
    ] {
        widgets.push(text(heading, 2, &mut top));
        rows(&page, &mut widgets, &mut top);
    }
    let variable = |id: &str, label: &str, property: &str, default: &str, more: Value| {
        let mut variable = json!({ "type": "property", "property": property, "id": id, "label": label, "defaultValue": default, "visible": true });
        merge(&mut variable, more);
        variable
    };
    let found = |from: &str| json!({ "inputType": "select", "search": format!("{{{NAMESPACE},{DIMENSION}}} MetricName=\"faas.invocations\""), "populateFrom": from });
    json!({
        "start": "-PT6H",
        "periodOverride": "inherit",
        "variables": [
            variable("account", "Account", "accountId", ACCOUNT, json!({ "inputType": "input" })),
            variable("region", "Region", "region", REGION, json!({ "inputType": "input" })),
            variable("function", "Function", DIMENSION, FUNCTION, found(DIMENSION)),
        ],
        "widgets": widgets,
    })
}

fn rows(page: &Page, widgets: &mut Vec<Value>, top: &mut u32) {
    for row in &page.rows {
        let panels = shown(row, Series::in_cloudwatch);
        if panels.is_empty() {
            continue;
        }
        widgets.push(text(&format!("## {}", row.title), 1, top));
        for (panel, place) in placed(&panels, top) {
            widgets.push(widget(panel, page.of_one, &place));
        }
    }
}

fn text(markdown: &str, height: u32, top: &mut u32) -> Value {
    let widget = json!({ "type": "text", "x": 0, "y": *top, "width": 24, "height": height, "properties": { "markdown": markdown } });
    *top += height;
    widget
}

fn widget(panel: &Panel, of_one: bool, place: &Value) -> Value {
    let series = panel.series.iter().filter(|series| series.in_cloudwatch());
    let metrics: Vec<Value> =
        series.zip(0..).flat_map(|(series, nth)| metrics(panel, series, nth, of_one)).collect();
    let view = match panel.kind {
        Kind::Number => "singleValue",
        Kind::Ranking => "bar",
        Kind::Lines | Kind::Bars => "timeSeries",
    };
    let mut properties = json!({ "title": panel.title, "view": view, "stacked": panel.kind == Kind::Bars, "region": REGION,
        "period": 60, "metrics": metrics });
    if let Kind::Lines | Kind::Bars = panel.kind {
        merge(
            &mut properties,
            json!({ "yAxis": { "left": { "min": 0, "showUnits": false, "label": unit(panel.unit) } } }),
        );
        if let Some((warning, alarm)) = panel.limits {
            let lines = [("#ff7f0e", warning), ("#d62728", alarm)]
                .map(|(color, value)| json!({ "color": color, "value": value }));
            merge(&mut properties, json!({ "annotations": { "horizontal": lines } }));
        }
    } else {
        // One figure for the time that is shown.
        merge(&mut properties, json!({ "setPeriodToTimeRange": true }));
    }
    json!({ "type": "metric", "x": place.get("x"), "y": place.get("y"), "width": place.get("w"), "height": place.get("h"), "properties": properties })
}

/// What a series shows, with what it is computed of.
fn metrics(panel: &Panel, series: &Series, nth: u8, of_one: bool) -> Vec<Value> {
    let own = |metric: &str, statistic: &str| Found {
        namespace: NAMESPACE,
        metric: metric.to_owned(),
        statistic: statistic.to_owned(),
    };
    let aws = |metric: &str| Found {
        namespace: "AWS/Lambda",
        metric: metric.to_owned(),
        statistic: "Sum".to_owned(),
    };
    let measured = |measure: Measure, statistic: &str| own(measure.name(), statistic);
    let legend = if series.legend.is_empty() { panel.title } else { series.legend };
    let one = |found: Found, operator: &str| vec![found.shown(series.by, operator, legend, nth, of_one)];
    match &series.of {
        Of::Events(events) => events
            .iter()
            .zip(0..)
            .map(|(counter, part)| {
                let legend =
                    if events.len() == 1 { legend.to_owned() } else { counter.flat_name().into_owned() };
                own(&counter.flat_name(), "Sum").shown(series.by, "SUM", &legend, nth + part, of_one)
            })
            .collect(),
        Of::Sum(measure) => one(measured(*measure, "Sum"), "SUM"),
        Of::Mean(measure) if of_one || series.by == By::Function => one(measured(*measure, "Average"), "AVG"),
        Of::Mean(measure) => {
            quotient(&measured(*measure, "Sum"), &measured(*measure, "SampleCount"), legend, nth, of_one)
        }
        Of::High(measure) | Of::Greatest(measure) | Of::Last(measure) => {
            one(measured(*measure, "Maximum"), "MAX")
        }
        Of::Share(part, all) => {
            quotient(&measured(*part, "Sum"), &measured(*all, "Sum"), legend, nth, of_one)
        }
        Of::Throttles => one(aws("Throttles"), "SUM"),
        Of::RecursiveInvocationsDropped => one(aws("RecursiveInvocationsDropped"), "SUM"),
        Of::CallTime | Of::CallHigh | Of::Calls | Of::AtZero => Vec::new(),
    }
}

/// One metric, of one function or of all that there are.
struct Found {
    namespace: &'static str,
    metric: String,
    statistic: String,
}

impl Found {
    fn search(&self) -> String {
        let Self { namespace, metric, statistic } = self;
        format!("SEARCH('{{{namespace},{DIMENSION}}} MetricName=\"{metric}\"', '{statistic}')")
    }

    fn of_one(&self, options: Value) -> Value {
        let mut all = json!({ "stat": self.statistic, "accountId": ACCOUNT, "region": REGION });
        merge(&mut all, options);
        json!([self.namespace, self.metric, DIMENSION, FUNCTION, all])
    }

    fn shown(&self, by: By, operator: &str, legend: &str, nth: u8, of_one: bool) -> Value {
        let id = format!("e{nth}");
        if of_one {
            return self.of_one(json!({ "label": legend }));
        }
        let search = self.search();
        match by {
            // Without a label, each series has the name of its function.
            By::Function => json!([{ "expression": search, "id": id, "region": REGION }]),
            _ => {
                json!([{ "expression": format!("{operator}({search})"), "label": legend, "id": id, "region": REGION }])
            }
        }
    }
}

fn quotient(one: &Found, all: &Found, legend: &str, nth: u8, of_one: bool) -> Vec<Value> {
    let (a, b, id) = (format!("a{nth}"), format!("b{nth}"), format!("e{nth}"));
    if of_one {
        let hidden = |found: &Found, id: &str| found.of_one(json!({ "id": id, "visible": false }));
        return vec![
            hidden(one, &a),
            hidden(all, &b),
            json!([{ "expression": format!("{a}/{b}"), "label": legend, "id": id, "region": REGION }]),
        ];
    }
    let expression = format!("SUM({})/SUM({})", one.search(), all.search());
    vec![json!([{ "expression": expression, "label": legend, "id": id, "region": REGION }])]
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "count",
        Unit::Seconds => "s",
        Unit::Bytes => "bytes",
        Unit::Dollars => "USD",
        Unit::Share => "part of 1",
    }
}
