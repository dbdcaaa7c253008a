//! What the files name exists, and what exists is named.

use std::collections::BTreeSet;
use std::fs;

use hopguard::core::metrics::CallDurations;
use hopguard::core::{Counter, Measure};
use serde_json::Value;

use crate::exposition::{Kind, name};
use crate::files::{self, EXPLORER, ON_CLOUDWATCH, ON_PROMETHEUS, json, list, panels};
use crate::known::{OF_AWS, OF_EACH, groupings, in_cloudwatch, in_prometheus, selectors};
use crate::tree::checkout;

/// Where every link into the repository leads.
const PROJECT: &str = "https://github.com/hopguard/hopguard/blob/main/";

#[test]
fn every_metric_and_label_of_an_expression_is_one_of_core() {
    let known = in_prometheus();
    let rules = files::rules().into_iter().map(|rule| (rule.name, rule.expression));
    let queries = files::queries().into_iter().map(|query| (query.panel, query.expression));
    for (place, expression) in queries.chain(rules) {
        let found = selectors(&expression);
        assert!(!found.is_empty(), "{place}: {expression}");
        let mut labels: BTreeSet<&str> = OF_EACH.into();
        for selector in &found {
            let attributes = known.get(&selector.name);
            let attributes =
                attributes.unwrap_or_else(|| panic!("{place}: nobody exports {}", selector.name));
            labels.extend(attributes.keys().map(String::as_str));
            for (label, value) in
                selector.matchers.iter().filter(|(label, _)| !OF_EACH.contains(&label.as_str()))
            {
                let values = &attributes[label];
                for value in value.split('|') {
                    assert!(values.contains(value), "{place}: {} has no {label}={value}", selector.name);
                }
            }
        }
        let unknown: Vec<_> =
            groupings(&expression).into_iter().filter(|label| !labels.contains(label)).collect();
        assert!(unknown.is_empty(), "{place}: {unknown:?} in {expression}");
    }
}

#[test]
fn no_metric_is_without_a_panel() {
    let queries = files::queries();
    let found: Vec<_> = queries.iter().flat_map(|query| selectors(&query.expression)).collect();
    for counter in Counter::ALL {
        let (metric, attribute) = counter.metric();
        let name = name(metric, "1", Kind::Counter);
        let shown = found.iter().any(|selector| {
            let matches = |(key, value): (&str, &str)| {
                selector
                    .matchers
                    .iter()
                    .any(|(label, values)| label == key && values.split('|').any(|one| one == value))
            };
            selector.name == name && attribute.is_none_or(matches)
        });
        assert!(shown, "no panel shows {counter:?}");
    }
    let measures = Measure::ALL.map(|measure| {
        let kind = if measure.bounds().is_empty() { Kind::Gauge } else { Kind::Histogram };
        name(measure.name(), measure.unit(), kind)
    });
    let calls = name(CallDurations::NAME, CallDurations::UNIT, Kind::Histogram);
    for name in measures.into_iter().chain([calls]) {
        let parts = ["bucket", "sum", "count"].map(|part| format!("{name}_{part}"));
        let shown = found.iter().any(|selector| selector.name == name || parts.contains(&selector.name));
        assert!(shown, "no panel shows {name}");
    }
    for known in in_cloudwatch() {
        assert!(on_cloudwatch().contains(&known), "no panel of Grafana on CloudWatch shows {known}");
        let overview = files::text("cloudwatch/overview.json");
        let (found, named) = (format!("MetricName=\\\"{known}\\\""), format!("\"{known}\""));
        assert!(
            overview.contains(&found) || overview.contains(&named),
            "no widget of CloudWatch shows {known}"
        );
    }
}

/// The metrics of the panels on CloudWatch.
fn on_cloudwatch() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in ON_CLOUDWATCH {
        for panel in panels(&json(file)) {
            let targets = list(panel, "targets").filter(|target| target["metricEditorMode"] == 0);
            names.extend(targets.map(|target| target["metricName"].as_str().unwrap().to_owned()));
        }
    }
    names
}

#[test]
fn every_metric_on_cloudwatch_is_one_that_the_layer_puts() {
    let known = in_cloudwatch();
    for name in on_cloudwatch() {
        assert!(known.contains(&name) || OF_AWS.contains(&name.as_str()), "nobody puts {name}");
    }
}

#[test]
fn sums_on_cloudwatch_are_of_queries_beside_them() {
    for file in ON_CLOUDWATCH {
        for panel in panels(&json(file)) {
            let ids: Vec<_> = list(panel, "targets").map(|target| target["id"].as_str().unwrap()).collect();
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
            for target in list(panel, "targets").filter(|target| target["metricEditorMode"] == 1) {
                let expression = target["expression"].as_str().unwrap();
                let used = expression.split(['(', ')', '/']).filter(|word| word.starts_with('q'));
                let used: Vec<_> = used.collect();
                assert!(!used.is_empty() && used.iter().all(|id| ids.contains(id)), "{expression}: {ids:?}");
            }
        }
    }
}

#[test]
fn every_panel_says_what_to_do_and_every_link_leads_somewhere() {
    let dashboards = || ON_PROMETHEUS.into_iter().chain(ON_CLOUDWATCH).chain([EXPLORER]);
    let uids: BTreeSet<_> = dashboards().map(|file| json(file)["uid"].as_str().unwrap().to_owned()).collect();
    for file in dashboards() {
        let dashboard = json(file);
        for panel in panels(&dashboard).into_iter().filter(|panel| panel["type"] != "text") {
            let description = panel["description"].as_str().unwrap_or_default();
            assert!(description.len() > 40, "{file}: {}", panel["title"]);
        }
        let mut links = Vec::new();
        urls(&dashboard, &mut links);
        assert!(!links.is_empty(), "{file}");
        for url in links.iter().filter(|url| !url.is_empty()) {
            match url.strip_prefix("/d/") {
                Some(rest) => assert!(uids.contains(rest.split('?').next().unwrap()), "{file}: {url}"),
                None => assert_leads(url),
            }
        }
    }
}

/// Every `url` in it.
fn urls(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| urls(item, found)),
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(url) if name == "url" => found.push(url.to_owned()),
                    _ => urls(member, found),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn every_alert_has_a_runbook_that_exists() {
    let rules = files::rules();
    assert!(rules.len() >= 10, "{rules:#?}");
    let grafana = files::text("grafana/alerts.yaml");
    for rule in &rules {
        assert!(["page", "ticket", "info"].contains(&rule.severity.as_str()), "{rule:?}");
        assert!(rule.lasting.ends_with('m'), "{rule:?}");
        assert_leads(&rule.runbook);
        let expression = Value::from(rule.expression.as_str()).to_string();
        assert!(grafana.contains(&expression), "{} in Grafana's file", rule.name);
    }
    for line in grafana.lines().filter_map(|line| line.trim().strip_prefix("runbook_url: ")) {
        assert_leads(&serde_json::from_str::<String>(line).unwrap());
    }
    // Grafana takes a dollar for a variable of its own environment.
    let variables = ["${HOPGUARD_PROMETHEUS_UID}", "${HOPGUARD_CLOUDWATCH_UID}"];
    let rest = variables.iter().fold(grafana, |text, variable| text.replace(variable, ""));
    assert!(!rest.contains('$'));
    for alarm in json("cloudwatch/alarms.json")["Resources"].as_object().unwrap().values() {
        let description = alarm["Properties"]["AlarmDescription"].as_str().unwrap();
        assert_leads(description.split(' ').next_back().unwrap());
    }
}

/// The page is in this repository, and where a section is named, it is on it.
fn assert_leads(url: &str) {
    let place = url.strip_prefix(PROJECT).unwrap_or_else(|| panic!("{url} leads out of the repository"));
    let (page, section) = place.split_once('#').unwrap_or((place, ""));
    let text = fs::read_to_string(checkout(page)).unwrap_or_else(|error| panic!("{url}: {error}"));
    let anchor = |heading: &str| {
        let kept = heading.trim().to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect::<String>()
    };
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let mut anchors = headings.map(|line| anchor(line.trim_start_matches('#')));
    assert!(section.is_empty() || anchors.any(|anchor| anchor == section), "{url}: no such section");
}
