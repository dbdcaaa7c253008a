//! Which invocations are shown: of each function those that tell most, and the chains that stand for their shape.

use std::collections::{BTreeMap, BTreeSet};

use super::{Why, chains::Chains, findings::Finding};

/// The most invocations that are shown.
pub(crate) const MAX_SHOWN: usize = 300;
/// How many of one function, for each reason.
const OF_EACH: usize = 3;
/// How many of the chain that is the example of its shape.
const OF_EXAMPLE: usize = 12;

/// What is known of each invocation, to choose by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures<'f> {
    pub(super) place: usize,
    pub(super) function: &'f str,
    pub(super) handler_ns: u64,
    pub(super) wait_ns: u64,
    pub(super) visits: u32,
    pub(super) blocked: bool,
    pub(super) error: bool,
    pub(super) trouble: u32,
}

/// The chosen ones by their places, each with why. `functions` are in the order in which they are served: the dearest first.
pub(super) fn choose(
    all: &[Figures<'_>],
    functions: &[&str],
    findings: &[Finding],
    chains: &Chains,
) -> BTreeMap<usize, Vec<Why>> {
    let mut of: BTreeMap<&str, Vec<Figures<'_>>> = BTreeMap::new();
    for one in all {
        of.entry(one.function).or_default().push(*one);
    }
    let known: BTreeSet<usize> = all.iter().map(|one| one.place).collect();
    let mut chosen = Chosen::default();
    for place in findings
        .iter()
        .flat_map(|finding| finding.examples.iter().take(OF_EACH))
        .filter_map(|link| link.place)
    {
        chosen.add(place, Why::Finding);
    }
    for example in chains.shapes.iter().filter_map(|shape| shape.examples.first()) {
        for place in example.places.iter().take(OF_EXAMPLE).filter(|place| known.contains(place)) {
            chosen.add(*place, Why::Example);
        }
    }
    // The first of each reason of every function, before the second of any.
    let mut ranked: Vec<Vec<(usize, Why)>> = vec![Vec::new(); OF_EACH];
    for function in functions {
        let of_function = of.get(function).map(Vec::as_slice).unwrap_or_default();
        for (why, weight) in REASONS {
            for (rank, place) in ranked.iter_mut().zip(best(of_function, weight)) {
                rank.push((place, why));
            }
        }
    }
    for (place, why) in ranked.into_iter().flatten() {
        chosen.add(place, why);
    }
    chosen.0
}

type Weight = fn(&Figures<'_>) -> u64;

/// What weighs for each reason; what weighs nothing is no example of it.
const REASONS: [(Why, Weight); 6] = [
    (Why::Slowest, |one| one.handler_ns),
    (Why::MostWait, |one| one.wait_ns),
    (Why::Blocked, |one| u64::from(one.blocked)),
    (Why::Loop, |one| if one.visits > 1 { u64::from(one.visits) } else { 0 }),
    (Why::Error, |one| u64::from(one.error)),
    (Why::Retries, |one| u64::from(one.trouble)),
];

fn best(of_function: &[Figures<'_>], weight: Weight) -> Vec<usize> {
    let mut weighed: Vec<(u64, usize)> =
        of_function.iter().map(|one| (weight(one), one.place)).filter(|(weight, _)| *weight > 0).collect();
    let order = |one: &(u64, usize)| (std::cmp::Reverse(one.0), one.1);
    if weighed.len() > OF_EACH {
        weighed.select_nth_unstable_by_key(OF_EACH - 1, order);
        weighed.truncate(OF_EACH);
    }
    weighed.sort_unstable_by_key(order);
    weighed.into_iter().map(|(_, place)| place).collect()
}

#[derive(Debug, Default)]
struct Chosen(BTreeMap<usize, Vec<Why>>);

impl Chosen {
    fn add(&mut self, place: usize, why: Why) {
        if self.0.len() >= MAX_SHOWN && !self.0.contains_key(&place) {
            return;
        }
        let reasons = self.0.entry(place).or_default();
        if !reasons.contains(&why) {
            reasons.push(why);
            reasons.sort_unstable();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(place: usize, function: &str, handler_ns: u64) -> Figures<'_> {
        Figures {
            place,
            function,
            handler_ns,
            wait_ns: 0,
            visits: 1,
            blocked: false,
            error: false,
            trouble: 0,
        }
    }

    #[test]
    fn the_most_telling_of_each_function_are_chosen() {
        let mut all: Vec<Figures<'_>> =
            (0..100).map(|place| figures(place, "a", 1_000 - place as u64)).collect();
        all.push(figures(100, "b", 5));
        all.extend([
            Figures { blocked: true, visits: 6, ..figures(101, "a", 1) },
            Figures { wait_ns: 9, ..figures(102, "a", 1) },
        ]);
        let chosen = choose(&all, &["a", "b"], &[], &Chains::default());
        assert_eq!(chosen.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 100, 101, 102]);
        assert_eq!(chosen.get(&101).unwrap(), &[Why::Blocked, Why::Loop]);
        assert_eq!(chosen.get(&102).unwrap(), &[Why::MostWait]);
    }

    #[test]
    fn many_functions_share_the_room() {
        let names: Vec<String> = (0..MAX_SHOWN).map(|number| format!("f{number}")).collect();
        let all: Vec<Figures<'_>> =
            (0..MAX_SHOWN * 4).map(|place| figures(place, &names[place % MAX_SHOWN], 7)).collect();
        let functions: Vec<&str> = names.iter().map(String::as_str).collect();
        let chosen = choose(&all, &functions, &[], &Chains::default());
        assert_eq!(chosen.into_keys().collect::<Vec<_>>(), (0..MAX_SHOWN).collect::<Vec<_>>());
    }
}
