//! What stands in `dashboards/`.

use std::fs;

use serde_json::Value;

use crate::tree::checkout;

/// Grafana's dashboards on Prometheus.
pub(crate) const ON_PROMETHEUS: [&str; 2] =
    ["grafana/prometheus/overview.json", "grafana/prometheus/function.json"];
/// Grafana's dashboards on CloudWatch.
pub(crate) const ON_CLOUDWATCH: [&str; 2] =
    ["grafana/cloudwatch/overview.json", "grafana/cloudwatch/function.json"];
/// Grafana's dashboard on Tempo.
pub(crate) const EXPLORER: &str = "grafana/chains.json";

pub(crate) fn text(file: &str) -> String {
    fs::read_to_string(checkout("dashboards").join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

pub(crate) fn json(file: &str) -> Value {
    serde_json::from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

pub(crate) fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value[name].as_array().into_iter().flatten()
}

/// The panels of a dashboard that show something.
pub(crate) fn panels(dashboard: &Value) -> Vec<&Value> {
    list(dashboard, "panels").filter(|panel| panel["type"] != "row").collect()
}

/// A query of a panel.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) panel: String,
    pub(crate) expression: String,
    pub(crate) instant: bool,
    /// Where it stands: the file, the panel's id and the query's letter.
    pub(crate) place: [Value; 3],
}

/// Every expression for Prometheus on the dashboards, with what is selected and the times in the place of the variables.
pub(crate) fn queries() -> Vec<Query> {
    let mut queries = Vec::new();
    for file in ON_PROMETHEUS {
        let dashboard = json(file);
        for panel in panels(&dashboard) {
            for target in list(panel, "targets") {
                let mut expression = target["expr"].as_str().unwrap().to_owned();
                for (variable, value) in [
                    ("$account", ".*"),
                    ("$region", ".*"),
                    ("$function", ".*"),
                    ("$__range", "1h"),
                    ("$__interval", "1m"),
                ] {
                    expression = expression.replace(variable, value);
                }
                assert!(!expression.contains('$'), "{expression}");
                queries.push(Query {
                    panel: format!("{file}: {}", panel["title"].as_str().unwrap()),
                    expression,
                    instant: target["instant"] == true,
                    place: [file.into(), panel["id"].clone(), target["refId"].clone()],
                });
            }
        }
    }
    queries
}

/// An alert rule, as the file for Prometheus has it.
#[derive(Debug, Default)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) expression: String,
    pub(crate) runbook: String,
    pub(crate) severity: String,
    pub(crate) lasting: String,
}

/// The rules. The file is YAML of one form: a value is JSON, behind its name.
pub(crate) fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for line in text("prometheus/alerts.yaml").lines() {
        let Some((name, value)) = line.trim().trim_start_matches("- ").split_once(": ") else { continue };
        let Ok(value) = serde_json::from_str::<String>(value) else { continue };
        if name == "alert" {
            rules.push(Rule { name: value, ..Rule::default() });
        } else if let Some(rule) = rules.last_mut() {
            match name {
                "expr" => rule.expression = value,
                "runbook_url" => rule.runbook = value,
                "severity" => rule.severity = value,
                "for" => rule.lasting = value,
                _ => {}
            }
        }
    }
    rules
}
