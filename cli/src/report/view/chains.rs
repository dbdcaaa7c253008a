use std::collections::BTreeMap;

use serde::Serialize;

use super::shape::{self, End, Sums};
use super::{Cost, invocations};
use crate::report::model::{Chain, Invocation, Model};

/// The most shapes that are shown.
pub(crate) const MAX_SHAPES: usize = 12;
/// The most functions and entries of one shape that are drawn.
pub(crate) const MAX_NODES: usize = 40;
/// The most edges of one shape that are drawn.
pub(crate) const MAX_EDGES: usize = 100;
/// The most chains that stand as examples of one shape.
const MAX_EXAMPLES: usize = 5;

/// All chains, by their shape.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Chains {
    /// How many chains there are.
    pub total: u64,
    /// How many of them are one invocation alone.
    pub single: u64,
    /// How many shapes those of more than one invocation have.
    pub shapes_total: u64,
    /// The shapes, blocked and looping ones first and then the dearest.
    pub shapes: Vec<Shape>,
}

/// Chains that go through the same functions by the same carriers.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Shape {
    /// How many chains.
    pub chains: u64,
    /// Their invocations.
    pub invocations: u64,
    /// Those of which a record was blocked.
    pub blocked: u64,
    /// The highest hop.
    pub max_hop: Option<u32>,
    /// The highest visit.
    pub max_visits: Option<u32>,
    /// What was paid for.
    pub paid: Cost,
    /// The time with a call in flight.
    pub wait: Cost,
    /// Entries and functions.
    pub nodes: Vec<Node>,
    /// How many of them there was no room for.
    pub nodes_left_out: u64,
    /// Who sent to whom.
    pub edges: Vec<Edge>,
    /// How many of them there was no room for.
    pub edges_left_out: u64,
    /// Chains of this shape, blocked ones first and then the longest.
    pub examples: Vec<Example>,
}

/// A function, or what a chain began with.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Whether it is what a chain began with.
    pub entry: bool,
    /// Whether it stands in a loop.
    pub in_loop: bool,
    /// Its invocations.
    pub invocations: u64,
    /// Those of which a record was blocked.
    pub blocked: u64,
    /// What they waited, in nanoseconds.
    pub wait_ns: u64,
    /// Its first hop.
    pub first_hop: Option<u32>,
}

/// Invocations of one function that another one sent for.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Edge {
    /// The place among the nodes that it leads from.
    pub from: usize,
    /// The one that it leads to.
    pub to: usize,
    /// What carried it: the services.
    pub carriers: Vec<String>,
    /// How many invocations it led to.
    pub invocations: u64,
    /// How many of them had a record blocked.
    pub blocked: u64,
    /// Their lowest hop.
    pub min_hop: Option<u32>,
    /// Their highest hop.
    pub max_hop: Option<u32>,
    /// Their highest visit.
    pub max_visits: Option<u32>,
    /// Whether the sender waited for the answer.
    pub sync: bool,
    /// Whether it is part of a loop.
    pub in_loop: bool,
}

/// One chain of a shape.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Example {
    /// Its id.
    pub chain_id: String,
    /// When it began, in nanoseconds since 1970.
    pub start_ns: u64,
    /// From its first start to its last end, in nanoseconds.
    pub duration_ns: u64,
    /// Its invocations.
    pub invocations: u64,
    /// Those of which a record was blocked.
    pub blocked: u64,
    /// The `key` of its first invocation that is shown.
    pub key: Option<String>,
    #[serde(skip)]
    pub(super) places: Vec<usize>,
}

impl Node {
    pub(super) fn new(end: &End) -> Self {
        let (name, entry) = match end {
            End::Entry(name) => (name, true),
            End::Function(name) => (name, false),
        };
        Self { name: name.clone(), entry, ..Self::default() }
    }

    pub(super) fn add(&mut self, one: &Invocation, wait_ns: u64) {
        self.invocations += 1;
        self.blocked += u64::from(one.blocked);
        self.wait_ns += wait_ns;
        self.first_hop = lower(self.first_hop, one.hop);
    }
}

impl Edge {
    pub(super) fn add(&mut self, one: &Invocation, by: String, sync: bool) {
        self.invocations += 1;
        self.blocked += u64::from(one.blocked);
        self.min_hop = lower(self.min_hop, one.hop);
        self.max_hop = self.max_hop.max(one.hop);
        self.max_visits = self.max_visits.max(one.visits);
        self.sync |= sync;
        if !by.is_empty() && !self.carriers.contains(&by) {
            self.carriers.push(by);
        }
    }
}

fn lower(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    a.into_iter().chain(b).min()
}

/// What an invocation cost and waited.
pub(super) type Figures<'f> = &'f dyn Fn(usize) -> (Cost, Cost);

/// Groups the chains by shape.
pub(super) fn of(model: &Model, chains: &[Chain], figures: Figures<'_>) -> Chains {
    let mut all = Chains { total: chains.len() as u64, ..Chains::default() };
    let mut shapes: BTreeMap<shape::Key, Vec<&Chain>> = BTreeMap::new();
    for chain in chains {
        let key = shape::key(model, chain);
        let alone = key.iter().all(|(from, ..)| matches!(from, End::Entry(_)));
        if alone {
            all.single += u64::from(chain.invocations.len() == 1);
        }
        if !alone || chain.invocations.len() > 1 {
            shapes.entry(key).or_default().push(chain);
        }
    }
    all.shapes_total = shapes.len() as u64;
    all.shapes = shapes.values().map(|chains| shape(model, chains, figures)).collect();
    all.shapes.sort_by(|a, b| {
        let first = |shape: &Shape| (shape.blocked > 0, shape.edges.iter().any(|edge| edge.in_loop));
        first(b)
            .cmp(&first(a))
            .then(b.paid.usd.total_cmp(&a.paid.usd))
            .then(b.invocations.cmp(&a.invocations))
    });
    all.shapes.truncate(MAX_SHAPES);
    all
}

fn shape(model: &Model, chains: &[&Chain], figures: Figures<'_>) -> Shape {
    let mut sums = Sums::default();
    let (mut paid, mut wait) = (Cost::default(), Cost::default());
    for chain in chains {
        sums.add(model, chain, &|place| figures(place).1.ns);
        for place in &chain.invocations {
            let figures = figures(*place);
            paid += figures.0;
            wait += figures.1;
        }
    }
    let (mut nodes, mut edges) = sums.finish();
    let count = (nodes.len(), edges.len());
    nodes.truncate(MAX_NODES);
    edges.retain(|edge| edge.from < nodes.len() && edge.to < nodes.len());
    edges.sort_by_key(|edge| std::cmp::Reverse((edge.in_loop, edge.invocations)));
    edges.truncate(MAX_EDGES);
    let of_chains = || {
        chains.iter().flat_map(|chain| &chain.invocations).filter_map(|place| model.invocations.get(*place))
    };
    let mut examples: Vec<Example> = chains.iter().map(|chain| example(model, chain)).collect();
    examples.sort_by_key(|one| {
        (std::cmp::Reverse((one.blocked, one.invocations, one.duration_ns)), one.start_ns)
    });
    examples.truncate(MAX_EXAMPLES);
    Shape {
        chains: chains.len() as u64,
        invocations: of_chains().count() as u64,
        blocked: of_chains().filter(|one| one.blocked).count() as u64,
        max_hop: of_chains().filter_map(|one| one.hop).max(),
        max_visits: of_chains().filter_map(|one| one.visits).max(),
        paid,
        wait,
        nodes_left_out: (count.0 - nodes.len()) as u64,
        edges_left_out: (count.1 - edges.len()) as u64,
        nodes,
        edges,
        examples,
    }
}

fn example(model: &Model, chain: &Chain) -> Example {
    let of_chain = || chain.invocations.iter().filter_map(|place| model.invocations.get(*place));
    let start_ns = of_chain().map(|one| one.start_ns).min().unwrap_or_default();
    Example {
        chain_id: format!("{:032x}", chain.id),
        start_ns,
        duration_ns: of_chain().map(|one| one.end_ns).max().unwrap_or_default().saturating_sub(start_ns),
        invocations: chain.invocations.len() as u64,
        blocked: of_chain().filter(|one| one.blocked).count() as u64,
        key: None,
        places: chain.invocations.iter().take(invocations::MAX_CALLS).copied().collect(),
    }
}
