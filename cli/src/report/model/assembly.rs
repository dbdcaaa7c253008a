use std::collections::HashMap;

use hopguard_core::wait::MAX_CALLS;

use super::builder::Key;
use super::{Call, Invocation, Model, Name, senders};

/// Everything that was read, not yet put together.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Every span, with the id of its parent; 0 where it has none.
    pub(super) parents: HashMap<Key, u64>,
    pub(super) invocations: Vec<Invocation>,
    /// The links of each invocation, by its place.
    pub(super) links: HashMap<usize, Vec<Key>>,
    pub(super) calls: Vec<Found>,
}

/// A call, and what says whose it is.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) trace: u128,
    /// The request id of its invocation, where the span says it.
    pub(super) id: Option<Name>,
    pub(super) call: Call,
    /// The spans of earlier calls.
    pub(super) depends_on: Vec<u64>,
}

/// How far parents are followed. A span can name itself.
const MAX_DEPTH: usize = 64;

/// Puts it together: sorts, gives each call to its invocation, and finds who sent what.
pub(super) fn assemble(mut parts: Parts) -> Model {
    sort(&mut parts);
    let places = parts.places();
    let mut by_id: HashMap<Name, Vec<usize>> = HashMap::new();
    for (place, invocation) in parts.invocations.iter().enumerate() {
        by_id.entry(invocation.id.clone()).or_default().push(place);
    }
    let Parts { parents, mut invocations, links, mut calls } = parts;
    calls.sort_by_key(|found| (found.call.start_ns, found.call.end_ns, found.call.span));
    let mut call_places: HashMap<Key, (usize, usize)> = HashMap::with_capacity(calls.len());
    let mut lost_calls = 0;
    for Found { trace, id, mut call, depends_on } in calls {
        let key = (trace, call.span);
        let above = ancestors(&parents, key).find_map(|above| places.get(&above));
        let named = || id.and_then(|id| same_id(by_id.get(&id)?, &invocations, call.start_ns));
        let Some((place, invocation)) =
            above.copied().or_else(named).and_then(|place| Some((place, invocations.get_mut(place)?)))
        else {
            lost_calls += 1;
            continue;
        };
        if invocation.calls.len() >= MAX_CALLS {
            invocation.dropped_calls += 1;
            continue;
        }
        let earlier = depends_on.iter().filter_map(|span| call_places.get(&(trace, *span)));
        call.depends_on = earlier.filter(|(of, _)| *of == place).map(|(_, call)| *call).collect();
        call_places.insert(key, (place, invocation.calls.len()));
        invocation.calls.push(call);
    }
    senders::find(
        &mut invocations,
        &senders::Known { parents: &parents, links: &links, places: &places, calls: &call_places },
    );
    Model { invocations, lost_calls }
}

/// Sorts the invocations by their start, and moves their links along.
fn sort(parts: &mut Parts) {
    let mut sorted: Vec<(usize, Invocation)> =
        std::mem::take(&mut parts.invocations).into_iter().enumerate().collect();
    sorted.sort_by_key(|(_, one)| (one.start_ns, one.hop, one.span));
    let mut links = std::mem::take(&mut parts.links);
    for (place, (before, invocation)) in sorted.into_iter().enumerate() {
        if let Some(of) = links.remove(&before).filter(|links| !links.is_empty()) {
            parts.links.insert(place, of);
        }
        parts.invocations.push(invocation);
    }
}

/// The spans above one, the nearest first, without itself.
pub(super) fn ancestors(parents: &HashMap<Key, u64>, (trace, span): Key) -> impl Iterator<Item = Key> {
    let above = move |(trace, span): &Key| {
        parents.get(&(*trace, *span)).filter(|parent| **parent != 0).map(|parent| (*trace, *parent))
    };
    std::iter::successors(above(&(trace, span)), above).take(MAX_DEPTH)
}

/// A retried invocation has its id again: the call belongs to the last that had begun.
fn same_id(places: &[usize], invocations: &[Invocation], at_ns: u64) -> Option<usize> {
    let begun = |place: &&usize| invocations.get(**place).is_some_and(|one| one.start_ns <= at_ns);
    places.iter().rfind(begun).or(places.first()).copied()
}
