//! Who sent what an invocation works on: by the spans above it and those that it links to, and where these are missing, by its lineage.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::assembly::ancestors;
use super::builder::Key;
use super::{Invocation, Name, Sender};

/// What is known of the spans.
pub(super) struct Known<'k> {
    pub(super) parents: &'k HashMap<Key, u64>,
    pub(super) links: &'k HashMap<usize, Vec<Key>>,
    pub(super) places: &'k HashMap<Key, usize>,
    /// Of each call, the place of its invocation, and its place there.
    pub(super) calls: &'k HashMap<Key, (usize, usize)>,
}

/// Clocks of two environments differ; so much is forgiven where a callee is looked for by its time.
const CLOCKS_NS: u64 = 50_000_000;
/// How many invocations of a busy function are looked at for one call.
const MAX_CANDIDATES: usize = 1_000;

/// Finds every invocation's senders, and of every synchronous Invoke its callee.
pub(super) fn find(invocations: &mut [Invocation], known: &Known<'_>) {
    let mut senders: Vec<Vec<Sender>> =
        (0..invocations.len()).map(|place| by_spans(invocations, known, place)).collect();
    for (callee, senders) in senders.iter().enumerate() {
        for sender in senders {
            let call = invocations
                .get_mut(sender.invocation)
                .zip(sender.call)
                .and_then(|(one, call)| one.calls.get_mut(call));
            if let Some(call) = call.filter(|call| call.sync_invoke) {
                call.callee = Some(callee);
            }
        }
    }
    by_time(invocations, &mut senders);
    by_hop(invocations, &mut senders);
    for (invocation, senders) in invocations.iter_mut().zip(senders) {
        invocation.senders = senders;
    }
}

fn by_spans(invocations: &[Invocation], known: &Known<'_>, place: usize) -> Vec<Sender> {
    let Some(own) = invocations.get(place).map(|one| (one.trace, one.span)) else { return Vec::new() };
    let parent = known.parents.get(&own).filter(|parent| **parent != 0).map(|parent| (own.0, *parent));
    let linked = known.links.get(&place).into_iter().flatten().copied();
    let mut senders: Vec<Sender> = Vec::new();
    for key in parent.into_iter().chain(linked) {
        let spans = std::iter::once(key).chain(ancestors(known.parents, key));
        let sender = spans.take(64).find_map(|span| {
            let call = known.calls.get(&span).map(|(of, call)| Sender { invocation: *of, call: Some(*call) });
            call.or_else(|| known.places.get(&span).map(|of| Sender { invocation: *of, call: None }))
        });
        if let Some(sender) = sender.filter(|sender| sender.invocation != place && !senders.contains(sender))
        {
            senders.push(sender);
        }
    }
    senders
}

/// A synchronous Invoke without a callee in its trace: the function that it names ran, within its time, and nobody else sent that.
fn by_time(invocations: &mut [Invocation], senders: &mut [Vec<Sender>]) {
    let mut runs: HashMap<Name, Vec<(u64, usize)>> = HashMap::new();
    for (place, one) in invocations
        .iter()
        .enumerate()
        .filter(|(place, one)| one.can_be_invoked() && senders.get(*place).is_some_and(Vec::is_empty))
    {
        runs.entry(one.function.clone()).or_default().push((one.start_ns, place));
    }
    let (mut found, mut taken) = (Vec::new(), HashSet::new());
    for (caller, one) in invocations.iter().enumerate() {
        let without = |(_, call): &(usize, &super::Call)| call.sync_invoke && call.callee.is_none();
        for (at, call) in one.calls.iter().enumerate().filter(without) {
            let Some(target) = call.target.as_deref() else { continue };
            let Some(of_function) = runs.get(function_of(target)) else { continue };
            let from =
                of_function.partition_point(|(start, _)| start.saturating_add(CLOCKS_NS) < call.start_ns);
            let fits = |&(start, place): &(u64, usize)| {
                let end = invocations.get(place).map_or(u64::MAX, |one| one.end_ns);
                start <= call.end_ns
                    && end <= call.end_ns.saturating_add(CLOCKS_NS)
                    && place != caller
                    && !taken.contains(&place)
            };
            let near = of_function.get(from..).unwrap_or_default();
            let candidates = near.iter().take_while(|(start, _)| *start <= call.end_ns).take(MAX_CANDIDATES);
            if let Some(place) = candidates.copied().find(fits).map(|(_, place)| place) {
                taken.insert(place);
                found.push((caller, at, place));
            }
        }
    }
    for (caller, at, callee) in found {
        if let Some(call) = invocations.get_mut(caller).and_then(|one| one.calls.get_mut(at)) {
            call.callee = Some(callee);
        }
        if let Some(senders) = senders.get_mut(callee) {
            senders.push(Sender { invocation: caller, call: Some(at) });
        }
    }
}

/// Without any span of its sender, an invocation at hop n was sent by the chain's only invocation at hop n - 1 that had begun.
fn by_hop(invocations: &[Invocation], senders: &mut [Vec<Sender>]) {
    let mut at_hop: BTreeMap<(u128, u32), Vec<usize>> = BTreeMap::new();
    for (place, one) in invocations.iter().enumerate() {
        if let Some(hop) = one.hop {
            at_hop.entry((one.chain, hop)).or_default().push(place);
        }
    }
    for (one, senders) in invocations.iter().zip(senders).filter(|(_, senders)| senders.is_empty()) {
        let before = one.hop.and_then(|hop| at_hop.get(&(one.chain, hop.checked_sub(1)?)));
        if let Some([only]) = before.map(Vec::as_slice) {
            senders.push(Sender { invocation: *only, call: None });
        }
    }
}

/// The function that an Invoke names: by its ARN, a part of it, or its name, each with or without a version.
fn function_of(target: &str) -> &str {
    let name = target.rsplit_once(":function:").map_or(target, |(_, name)| name);
    name.split(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_many_names() {
        for name in [
            "pay",
            "pay:live",
            "123456789012:function:pay",
            "arn:aws:lambda:eu-central-1:123456789012:function:pay:$LATEST",
        ] {
            assert_eq!(function_of(name), "pay", "{name}");
        }
    }
}
