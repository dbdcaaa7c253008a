use std::collections::{BTreeMap, HashMap};

use super::cost::{FunctionCost, Price, Totals};
use super::select::{self, Figures};
use super::{Cost, Report, SCHEMA, chains, findings, invocations};
use crate::format;
use crate::report::analysis::{self, Terms};
use crate::report::input::Tally;
use crate::report::model::{self, Invocation, Model};

/// The most functions, by memory, that have a line of their own.
pub(crate) const MAX_FUNCTIONS: usize = 200;
/// The most findings that are shown.
const MAX_FINDINGS: usize = 200;

/// Which invocations count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) functions: Vec<String>,
    pub(crate) services: Vec<String>,
    /// Nanoseconds since 1970.
    pub(crate) since_ns: Option<u64>,
    pub(crate) until_ns: Option<u64>,
}

impl Filter {
    fn lets(&self, one: &Invocation) -> bool {
        let named =
            |names: &[String], name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
        named(&self.functions, &one.function)
            && named(&self.services, one.service.as_deref().unwrap_or(&one.function))
            && self.since_ns.is_none_or(|since| one.start_ns >= since)
            && self.until_ns.is_none_or(|until| one.start_ns < until)
    }

    fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        words.extend(self.functions.iter().map(|name| format!("function {name}")));
        words.extend(self.services.iter().map(|name| format!("service {name}")));
        words.extend(self.since_ns.map(|at| format!("since {} UTC", format::time(at))));
        words.extend(self.until_ns.map(|at| format!("until {} UTC", format::time(at))));
        words
    }
}

/// What stays of an invocation's analysis while all are looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Brief {
    paid: Cost,
    wait: Cost,
    trouble: u32,
}

/// Makes the report.
pub(crate) fn build(model: &Model, terms: &Terms, filter: &Filter, input: Tally) -> Report {
    let wanted = |place: usize| model.invocations.get(place).is_some_and(|one| filter.lets(one));
    let (mut totals, mut window) = (Totals::default(), terms.window());
    let mut functions: BTreeMap<(model::Name, u32), Totals> = BTreeMap::new();
    let mut briefs: HashMap<usize, Brief> = HashMap::new();
    let (mut first_ns, mut last_ns) = (u64::MAX, 0);
    for (place, one) in model.invocations.iter().enumerate().filter(|(place, _)| wanted(*place)) {
        let (calls, analysis) = terms.analyse(model, one);
        let memory_mb = terms.memory_mb(one);
        analysis::observe(&mut window, one, &calls, &analysis);
        totals.add(one, &analysis, memory_mb);
        functions.entry((one.function.clone(), memory_mb)).or_default().add(one, &analysis, memory_mb);
        let trouble = analysis.retries.count + analysis.timeouts.count;
        briefs.insert(place, Brief { paid: analysis.paid.into(), wait: analysis.wait.into(), trouble });
        (first_ns, last_ns) = (first_ns.min(one.start_ns), last_ns.max(one.end_ns));
    }
    let functions = costs(functions);
    let brief = |place: usize| briefs.get(&place).copied().unwrap_or_default();
    let chained = model::chains(model, wanted);
    let mut chains = chains::of(model, &chained, &|place| (brief(place).paid, brief(place).wait));
    let mut findings = findings::of(&window, model);
    findings.truncate(MAX_FINDINGS);
    let figures: Vec<Figures<'_>> = model
        .invocations
        .iter()
        .enumerate()
        .filter(|(place, _)| briefs.contains_key(place))
        .map(|(place, one)| Figures {
            place,
            function: &one.function,
            handler_ns: one.duration_ns(),
            wait_ns: brief(place).wait.ns,
            visits: one.visits.unwrap_or_default(),
            blocked: one.blocked,
            error: one.error.is_some(),
            trouble: brief(place).trouble,
        })
        .collect();
    let mut served: Vec<&str> = functions.iter().map(|row| row.function.as_str()).collect();
    served.dedup();
    let chosen = select::choose(&figures, &served, &findings, &chains);
    let numbers: HashMap<usize, usize> =
        chosen.keys().enumerate().map(|(number, place)| (*place, number + 1)).collect();
    let key = |place: usize| numbers.get(&place).map(|number| format!("i{number}"));
    for link in findings.iter_mut().flat_map(|finding| &mut finding.examples) {
        link.key = link.place.and_then(key);
    }
    for example in chains.shapes.iter_mut().flat_map(|shape| &mut shape.examples) {
        example.key = example.places.iter().find_map(|place| key(*place));
    }
    let mut shown: Vec<super::Invocation> = chosen
        .iter()
        .filter_map(|(place, why)| {
            let one = model.invocations.get(*place)?;
            let (_, analysis) = terms.analyse(model, one);
            invocations::of(model, *place, why, terms.memory_mb(one), &analysis, &key)
        })
        .collect();
    let rank: HashMap<&str, usize> =
        served.iter().enumerate().rev().map(|(rank, name)| (*name, rank)).collect();
    shown.sort_by_key(|one| (rank.get(one.function.as_str()).copied().unwrap_or(usize::MAX), one.start_ns));
    Report {
        schema: SCHEMA,
        hopguard: env!("CARGO_PKG_VERSION"),
        input,
        calls_without_invocation: model.lost_calls,
        first_ns: first_ns.min(last_ns),
        last_ns,
        filters: filter.words(),
        price: Price::new(&terms.price),
        invocations_total: totals.invocations,
        totals,
        functions,
        findings,
        chains,
        invocations: shown,
    }
}

/// The lines of the cost table, the dearest first; beyond what is shown they are added up in the last.
fn costs(functions: BTreeMap<(model::Name, u32), Totals>) -> Vec<FunctionCost> {
    let mut rows: Vec<FunctionCost> = functions
        .into_iter()
        .map(|((function, memory_mb), totals)| FunctionCost {
            function: function.to_string(),
            memory_mb: (memory_mb > 0).then_some(memory_mb),
            totals,
        })
        .collect();
    rows.sort_by(|a, b| {
        let (a, b) = (&a.totals, &b.totals);
        b.paid
            .usd
            .total_cmp(&a.paid.usd)
            .then(b.paid.ns.cmp(&a.paid.ns))
            .then(b.invocations.cmp(&a.invocations))
    });
    rows
}
