//! The metrics of core, under the names that Prometheus and CloudWatch have for them.

use std::collections::{BTreeMap, BTreeSet};

use hopguard::core::metrics::CallDurations;
use hopguard::core::{Counter, Measure};

use crate::exposition::{Kind, name};

/// Labels that are no attributes of a metric: of its resource, and of a histogram.
pub(crate) const OF_EACH: [&str; 4] = ["cloud_account_id", "cloud_region", "faas_name", "le"];

/// Every name that a series may have in Prometheus, with the attributes that it has and their values; no value where any may stand.
pub(crate) fn in_prometheus() -> BTreeMap<String, BTreeMap<String, BTreeSet<&'static str>>> {
    let mut known = BTreeMap::<_, BTreeMap<_, BTreeSet<_>>>::new();
    for counter in Counter::ALL {
        let (metric, attribute) = counter.metric();
        let attributes = known.entry(name(metric, "1", Kind::Counter)).or_default();
        if let Some((key, value)) = attribute {
            attributes.entry(key.to_owned()).or_default().insert(value);
        }
    }
    for measure in Measure::ALL {
        if measure.bounds().is_empty() {
            known.insert(name(measure.name(), measure.unit(), Kind::Gauge), BTreeMap::new());
            continue;
        }
        for part in ["bucket", "sum", "count"] {
            let name = name(measure.name(), measure.unit(), Kind::Histogram);
            known.insert(format!("{name}_{part}"), BTreeMap::new());
        }
    }
    let calls = name(CallDurations::NAME, CallDurations::UNIT, Kind::Histogram);
    for part in ["bucket", "sum", "count"] {
        let attributes = [CallDurations::SERVICE, CallDurations::OPERATION];
        let attributes = attributes.map(|key| (key.replace('.', "_"), BTreeSet::new()));
        known.insert(format!("{calls}_{part}"), attributes.into());
    }
    known
}

/// Every metric that the layer puts to CloudWatch.
pub(crate) fn in_cloudwatch() -> BTreeSet<String> {
    let counters = Counter::ALL.into_iter().map(|counter| counter.flat_name().into_owned());
    counters.chain(Measure::ALL.into_iter().map(|measure| measure.name().to_owned())).collect()
}

/// AWS's own that the dashboards show beside them.
pub(crate) const OF_AWS: [&str; 2] = ["Throttles", "RecursiveInvocationsDropped"];

/// A selector in an expression: a name, and the matchers behind it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) name: String,
    /// Label and value of each.
    pub(crate) matchers: Vec<(String, String)>,
}

/// The selectors of an expression. Each of ours has braces or a window behind its name.
pub(crate) fn selectors(expression: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    for (end, _) in expression.match_indices(['{', '[']) {
        let (before, behind) = expression.split_at(end);
        let start = before.rfind(|c| !word(c)).map_or(0, |at| at + 1);
        // A window behind braces.
        if start == end {
            continue;
        }
        let inside = behind.strip_prefix('{').and_then(|inside| inside.split('}').next()).unwrap_or_default();
        // No value has a comma.
        let matchers = inside.split(',').filter(|matcher| !matcher.is_empty()).map(|matcher| {
            let (label, value) = matcher.split_once('=').unwrap();
            (label.trim_end_matches('!').to_owned(), value.trim_matches(['~', '"']).to_owned())
        });
        found.push(Selector { name: before.split_at(start).1.to_owned(), matchers: matchers.collect() });
    }
    found
}

/// The labels that an expression groups or joins by.
pub(crate) fn groupings(expression: &str) -> BTreeSet<&str> {
    let mut labels = BTreeSet::new();
    for keyword in [" by (", " on ("] {
        for part in expression.split(keyword).skip(1) {
            labels.extend(part.split(')').next().unwrap().split(", "));
        }
    }
    labels
}

#[test]
fn selectors_and_groupings_are_found() {
    let expression = "sum by (a, le) (last_over_time(x_total{v=\"1\",w=~\"2|3\"}[5m])) / on (b) y_sum[1h]";
    let matcher = |label: &str, value: &str| (label.to_owned(), value.to_owned());
    assert_eq!(
        selectors(expression),
        [
            Selector { name: "x_total".to_owned(), matchers: vec![matcher("v", "1"), matcher("w", "2|3")] },
            Selector { name: "y_sum".to_owned(), matchers: Vec::new() },
        ]
    );
    assert_eq!(groupings(expression), BTreeSet::from(["a", "b", "le"]));
}
