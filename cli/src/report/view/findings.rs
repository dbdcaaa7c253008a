use std::collections::{HashMap, HashSet};

use hopguard_core::findings;
use serde::Serialize;

use super::Cost;
use crate::report::model::Model;

/// One anti-pattern that one function showed.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// `recursion`, `sync-invoke`, `serial-wait`, `orchestrator` or `monolith`.
    pub kind: &'static str,
    /// The function.
    pub function: String,
    /// How many of its invocations show it.
    pub affected: u64,
    /// How many were looked at.
    pub invocations: u64,
    /// What it cost, where it has a cost of its own; of `serial-wait`, what could be saved at the most.
    pub cost: Option<Cost>,
    /// What was seen.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub suggestion: &'static str,
    /// Invocations that show it.
    pub examples: Vec<Link>,
}

/// One number that speaks for a finding.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Evidence {
    /// What was counted or measured.
    pub what: &'static str,
    /// How much of it there is.
    pub value: f64,
    /// The unit, as UCUM has it; `1` for a count.
    pub unit: &'static str,
    /// From where on it is a finding, where there is a limit.
    pub threshold: Option<f64>,
    /// What was counted, the first few.
    pub names: Vec<String>,
}

impl Evidence {
    /// Whether it is worth showing: nothing of something that has no limit tells nothing.
    pub(crate) fn tells(&self) -> bool {
        self.value != 0.0 || self.threshold.is_some()
    }
}

/// An invocation that a finding stands on.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Link {
    /// Its request id.
    pub request_id: String,
    /// Its trace.
    pub trace_id: String,
    /// Its `key` among the report's invocations, where it is shown.
    pub key: Option<String>,
    #[serde(skip)]
    pub(super) place: Option<usize>,
}

/// The findings, the dearest first.
pub(super) fn of(window: &findings::Window, model: &Model) -> Vec<Finding> {
    let mut found = window.findings();
    found.sort_by(|a, b| {
        let usd = |one: &findings::Finding| one.cost.map_or(0.0, |cost| cost.usd);
        usd(b).total_cmp(&usd(a)).then(a.kind.cmp(&b.kind)).then_with(|| a.function.cmp(&b.function))
    });
    let examples = || found.iter().flat_map(|finding| &finding.examples);
    let ids: HashSet<&str> = examples().map(|one| one.invocation.as_str()).collect();
    let of_ids = model.invocations.iter().enumerate().filter(|(_, one)| ids.contains(&*one.id));
    // In reverse, so that of two with the same ids the first stays.
    let places: HashMap<(&str, String), usize> =
        of_ids.rev().map(|(place, one)| ((&*one.id, format!("{:032x}", one.trace)), place)).collect();
    let link = |one: &findings::Example| Link {
        request_id: one.invocation.clone(),
        trace_id: one.trace.clone(),
        key: None,
        place: places.get(&(one.invocation.as_str(), one.trace.clone())).copied(),
    };
    let evidence = |one: &findings::Evidence| Evidence {
        what: one.what,
        value: one.value,
        unit: one.unit,
        threshold: one.threshold,
        names: one.names.clone(),
    };
    let finding = |one: &findings::Finding| Finding {
        kind: one.kind.name(),
        function: one.function.clone(),
        affected: one.affected,
        invocations: one.invocations,
        cost: one.cost.map(Cost::from),
        evidence: one.evidence.iter().map(evidence).collect(),
        suggestion: one.suggestion,
        examples: one.examples.iter().map(link).collect(),
    };
    found.iter().map(finding).collect()
}
