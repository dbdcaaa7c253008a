//! Which functions a chain goes through, and by what.

use std::collections::{BTreeMap, BTreeSet};

use super::chains::{Edge, Node};
use crate::report::model::{Chain, Invocation, Model};

/// A chain's edges without their numbers: chains of one shape are shown as one graph.
pub(super) type Key = BTreeSet<(End, End, String)>;

/// A place in the graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// What a chain began with.
    Entry(String),
    Function(String),
}

/// What one or many chains of a shape add up to.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    nodes: BTreeMap<End, Node>,
    edges: BTreeMap<(End, End), Edge>,
}

/// The most senders of one invocation that are drawn.
const MAX_SENDERS: usize = 128;

/// The edges that lead to an invocation: from where, by what, and whether the sender waited.
fn edges<'m>(model: &'m Model, one: &'m Invocation) -> Vec<(End, String, bool)> {
    let carrier = carrier(&one.source);
    let mut found: Vec<(End, String, bool)> = Vec::new();
    for sender in one.senders.iter().take(MAX_SENDERS) {
        let Some(from) = model.invocations.get(sender.invocation) else { continue };
        let call = sender.call.and_then(|call| from.calls.get(call));
        let by = call.map_or_else(|| carrier.clone(), |call| by(&call.service, &one.source));
        let edge = (End::Function(from.function.to_string()), by, call.is_some_and(|call| call.sync_invoke));
        if !found.contains(&edge) {
            found.push(edge);
        }
    }
    if found.is_empty() {
        let origin = one.origin.as_deref().map_or_else(String::new, |origin| format!(" {origin}"));
        found.push((End::Entry(format!("{carrier}{origin}")), String::new(), false));
    }
    found
}

/// What carries from a call to what it started: S3's object may come by SNS and SQS.
fn by(service: &str, source: &str) -> String {
    let source = self::carrier(source);
    let direct = source.eq_ignore_ascii_case(service) || source == "invoke" || service.is_empty();
    if direct { service.to_owned() } else { format!("{service} → {source}") }
}

/// A source's name as the services write themselves.
fn carrier(source: &str) -> String {
    match source {
        "sqs" => "SQS",
        "sns" => "SNS",
        "s3" => "S3",
        "http" => "HTTP",
        "kinesis" => "Kinesis",
        "dynamodb" => "DynamoDB",
        "eventbridge" => "EventBridge",
        "" | "other" => "invoke",
        other => other,
    }
    .to_owned()
}

pub(super) fn key(model: &Model, chain: &Chain) -> Key {
    let invocations = chain.invocations.iter().filter_map(|place| model.invocations.get(*place));
    let key = invocations.flat_map(|one| {
        let to = End::Function(one.function.to_string());
        edges(model, one).into_iter().map(move |(from, by, _)| (from, to.clone(), by))
    });
    key.collect()
}

impl Sums {
    /// Adds one chain; `wait` says what an invocation waited.
    pub(super) fn add(&mut self, model: &Model, chain: &Chain, wait_ns: &dyn Fn(usize) -> u64) {
        for place in &chain.invocations {
            let Some(one) = model.invocations.get(*place) else { continue };
            let to = End::Function(one.function.to_string());
            for (from, by, sync) in edges(model, one) {
                self.nodes.entry(from.clone()).or_insert_with(|| Node::new(&from));
                let edge = self.edges.entry((from, to.clone())).or_default();
                edge.add(one, by, sync);
            }
            let node = self.nodes.entry(to.clone()).or_insert_with(|| Node::new(&to));
            node.add(one, wait_ns(*place));
        }
    }

    /// Nodes and edges, those in a loop marked. Nodes are in the order of their first hop, entries first.
    pub(super) fn finish(self) -> (Vec<Node>, Vec<Edge>) {
        let Self { nodes, edges } = self;
        let mut nodes: Vec<(End, Node)> = nodes.into_iter().collect();
        nodes.sort_by_key(|(_, node)| (!node.entry, node.first_hop.unwrap_or_default()));
        let places: BTreeMap<End, usize> =
            nodes.iter().enumerate().map(|(place, (end, _))| (end.clone(), place)).collect();
        let mut nodes: Vec<Node> = nodes.into_iter().map(|(_, node)| node).collect();
        let mut edges: Vec<Edge> = edges
            .into_iter()
            .filter_map(|((from, to), edge)| {
                Some(Edge { from: *places.get(&from)?, to: *places.get(&to)?, ..edge })
            })
            .collect();
        let next: Vec<Vec<usize>> = (0..nodes.len())
            .map(|node| edges.iter().filter(|edge| edge.from == node).map(|edge| edge.to).collect())
            .collect();
        let reached: Vec<BTreeSet<usize>> = (0..nodes.len()).map(|node| reach(&next, node)).collect();
        let leads = |from: usize, to: usize| reached.get(from).is_some_and(|reached| reached.contains(&to));
        for edge in &mut edges {
            edge.in_loop = edge.from == edge.to || leads(edge.to, edge.from);
        }
        for (place, node) in nodes.iter_mut().enumerate() {
            node.in_loop = leads(place, place);
        }
        (nodes, edges)
    }
}

/// What can be reached from a node over one edge or more.
fn reach(next: &[Vec<usize>], from: usize) -> BTreeSet<usize> {
    let mut open: Vec<usize> = next.get(from).cloned().unwrap_or_default();
    let mut found = BTreeSet::new();
    while let Some(node) = open.pop() {
        if found.insert(node) {
            open.extend(next.get(node).into_iter().flatten());
        }
    }
    found
}
