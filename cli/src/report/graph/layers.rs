//! Which layer each node stands in, and in which order: edges lead forward, but for those that close a loop.

use std::collections::{BTreeMap, BTreeSet};

/// Nodes by layer, and the edges that lead back.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// The nodes of each layer, and the places that long edges pass.
    pub(super) layers: Vec<Vec<Slot>>,
    /// Edges, by their places, that lead back or to the node that they come from.
    pub(super) back: BTreeSet<usize>,
}

/// Something that takes room in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    Node(usize),
    /// A long edge, by its place, on its way.
    Passing(usize),
}

/// How often the order is improved, forth and back.
const SWEEPS: usize = 4;

/// Places `nodes` nodes; `edges` are from and to. Earlier nodes are preferred as beginnings.
pub(super) fn place(nodes: usize, edges: &[(usize, usize)]) -> Layers {
    let mut walk = Walk { edges, state: vec![State::New; nodes], back: BTreeSet::new(), order: Vec::new() };
    for node in 0..nodes {
        walk.visit(node);
    }
    let Walk { back, mut order, .. } = walk;
    order.reverse();
    let mut depth = vec![0_usize; nodes];
    let forward = || edges.iter().enumerate().filter(|(edge, _)| !back.contains(edge));
    for node in order {
        let from = depth.get(node).copied().unwrap_or_default();
        for (_, (_, to)) in forward().filter(|(_, (source, _))| *source == node) {
            if let Some(to) = depth.get_mut(*to) {
                *to = (*to).max(from + 1);
            }
        }
    }
    let of = |node: &usize| depth.get(*node).copied().unwrap_or_default();
    let mut layers: Vec<Vec<Slot>> = vec![Vec::new(); depth.iter().max().map_or(0, |deepest| deepest + 1)];
    for (node, layer) in depth.iter().enumerate() {
        layers.get_mut(*layer).into_iter().for_each(|layer| layer.push(Slot::Node(node)));
    }
    for (edge, (from, to)) in forward() {
        for layer in layers.iter_mut().take(of(to)).skip(of(from) + 1) {
            layer.push(Slot::Passing(edge));
        }
    }
    let mut placed = Layers { layers, back };
    placed.order(edges);
    placed
}

impl Layers {
    /// Moves each slot to where its neighbours are, so that edges cross less.
    fn order(&mut self, edges: &[(usize, usize)]) {
        for sweep in 0..SWEEPS {
            let count = self.layers.len();
            for step in 1..count {
                let (at, beside) =
                    if sweep % 2 == 0 { (step, step - 1) } else { (count - 1 - step, count - step) };
                let neighbours: BTreeMap<Slot, usize> = self
                    .layers
                    .get(beside)
                    .into_iter()
                    .flatten()
                    .enumerate()
                    .map(|(place, slot)| (*slot, place))
                    .collect();
                let back = &self.back;
                let Some(layer) = self.layers.get_mut(at) else { continue };
                let mut weighed: Vec<(f64, Slot)> = layer
                    .iter()
                    .enumerate()
                    .map(|(place, slot)| {
                        (centre(*slot, &neighbours, edges, back).unwrap_or(place as f64), *slot)
                    })
                    .collect();
                weighed.sort_by(|a, b| a.0.total_cmp(&b.0));
                *layer = weighed.into_iter().map(|(_, slot)| slot).collect();
            }
        }
    }
}

/// The mean place of what a slot is joined to in a neighbouring layer.
fn centre(
    slot: Slot,
    neighbours: &BTreeMap<Slot, usize>,
    edges: &[(usize, usize)],
    back: &BTreeSet<usize>,
) -> Option<f64> {
    let joined = edges.iter().enumerate().filter(|(edge, (from, to))| {
        !back.contains(edge)
            && match slot {
                Slot::Passing(passing) => passing == *edge,
                Slot::Node(node) => node == *from || node == *to,
            }
    });
    let places: Vec<usize> = joined
        .filter_map(|(edge, (from, to))| {
            let passing = neighbours.get(&Slot::Passing(edge));
            let other = |node: &usize| {
                if slot == Slot::Node(*node) { None } else { neighbours.get(&Slot::Node(*node)) }
            };
            passing.or_else(|| other(from)).or_else(|| other(to)).copied()
        })
        .collect();
    (!places.is_empty()).then(|| places.iter().sum::<usize>() as f64 / places.len() as f64)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

/// Goes through the graph in depth; an edge to a node that is still open leads back.
struct Walk<'e> {
    edges: &'e [(usize, usize)],
    state: Vec<State>,
    back: BTreeSet<usize>,
    /// Each node after all that it leads to.
    order: Vec<usize>,
}

impl Walk<'_> {
    fn visit(&mut self, node: usize) {
        match self.state.get_mut(node) {
            Some(state @ State::New) => *state = State::Open,
            _ => return,
        }
        let edges = self.edges;
        for (edge, (_, to)) in edges.iter().enumerate().filter(|(_, (from, _))| *from == node) {
            match self.state.get(*to) {
                Some(State::Open) => drop(self.back.insert(edge)),
                // No deeper than there are nodes, and these are bounded.
                Some(State::New) => self.visit(*to),
                _ => {}
            }
        }
        if let Some(state) = self.state.get_mut(node) {
            *state = State::Done;
        }
        self.order.push(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_lead_forward_but_for_loops() {
        // 0 → 1 → 2 → 1, 0 → 3 → 2, 2 → 2, and 0 → 2 past layer 1.
        let edges = [(0, 1), (1, 2), (2, 1), (0, 3), (3, 2), (2, 2), (0, 2)];
        let placed = place(4, &edges);
        assert_eq!(placed.back.iter().copied().collect::<Vec<_>>(), [2, 5]);
        let mut middle = placed.layers[1].clone();
        middle.sort_unstable();
        assert_eq!(middle, [Slot::Node(1), Slot::Node(3), Slot::Passing(6)]);
        assert_eq!((&placed.layers[0], &placed.layers[2]), (&vec![Slot::Node(0)], &vec![Slot::Node(2)]));
    }

    #[test]
    fn crossings_are_undone() {
        let placed = place(4, &[(0, 3), (1, 2)]);
        assert_eq!(placed.layers[0], [Slot::Node(0), Slot::Node(1)]);
        assert_eq!(placed.layers[1], [Slot::Node(3), Slot::Node(2)]);
    }

    #[test]
    fn nothing_is_placed_of_nothing() {
        assert!(place(0, &[]).layers.is_empty());
        assert_eq!(place(1, &[(0, 0)]).layers, [[Slot::Node(0)]]);
    }
}
