//! Where nodes, edges and their labels stand.

use std::collections::BTreeMap;

use super::label;
use super::layers::{self, Layers, Slot};
use crate::report::view::Shape;

/// Which way edges lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// To the right: for wide pages.
    Right,
    /// Down: for narrow ones.
    Down,
}

/// A rectangle, by its centre; in the directions of the flow and across it until it is turned.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Area {
    pub(super) along: f64,
    pub(super) across: f64,
    pub(super) length: f64,
    pub(super) breadth: f64,
}

/// An edge and the centre of its label.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) path: String,
    pub(super) label: (f64, f64),
}

/// All that is drawn.
#[derive(Clone, Debug)]
pub(super) struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) nodes: Vec<Area>,
    pub(super) lines: Vec<Line>,
}

pub(super) const NAME_SIZE: f64 = 13.0;
pub(super) const SMALL_SIZE: f64 = 11.0;
const NODE_HEIGHT: f64 = 46.0;
const ENTRY_HEIGHT: f64 = 28.0;
const LABEL_HEIGHT: f64 = 30.0;
const MARGIN: f64 = 8.0;

/// Lays a shape out.
pub(super) fn lay_out(shape: &Shape, flow: Flow) -> Drawing {
    let edges: Vec<(usize, usize)> = shape.edges.iter().map(|edge| (edge.from, edge.to)).collect();
    let placed = layers::place(shape.nodes.len(), &edges);
    let sizes: Vec<(f64, f64)> = shape.nodes.iter().map(size).collect();
    let labels: Vec<f64> = shape
        .edges
        .iter()
        .map(|edge| {
            let entry = shape.nodes.get(edge.from).is_some_and(|node| node.entry);
            label::of_edge(edge, entry).iter().map(|line| label::width(line, SMALL_SIZE)).fold(0.0, f64::max)
        })
        .collect();
    Pen {
        flow,
        edges: &edges,
        placed: &placed,
        sizes: &sizes,
        labels: &labels,
        slots: BTreeMap::new(),
        breadth: 0.0,
        length: 0.0,
    }
    .draw()
}

fn size(node: &crate::report::view::Node) -> (f64, f64) {
    let (name, below) = label::of_node(node);
    let text = label::width(&name, NAME_SIZE).max(label::width(&below, SMALL_SIZE));
    if node.entry { (text.max(36.0) + 20.0, ENTRY_HEIGHT) } else { (text.max(64.0) + 18.0, NODE_HEIGHT) }
}

struct Pen<'p> {
    flow: Flow,
    edges: &'p [(usize, usize)],
    placed: &'p Layers,
    /// Width and height.
    sizes: &'p [(f64, f64)],
    /// The widths of the labels.
    labels: &'p [f64],
    /// Where each slot of each layer stands.
    slots: BTreeMap<(Slot, usize), Area>,
    breadth: f64,
    length: f64,
}

impl Pen<'_> {
    fn draw(mut self) -> Drawing {
        self.place_slots();
        let nodes: Vec<Area> =
            (0..self.sizes.len()).map(|node| self.node(node).unwrap_or_default()).collect();
        let mut lines = vec![Line::default(); self.edges.len()];
        let mut lanes = self.breadth;
        let mut back: Vec<usize> = self.placed.back.iter().copied().collect();
        let reach = |edge: &usize| self.ends(*edge).map_or(0.0, |(from, to)| (from.along - to.along).abs());
        back.sort_by(|a, b| reach(a).total_cmp(&reach(b)));
        for (edge, line) in lines.iter_mut().enumerate().filter(|(edge, _)| !self.placed.back.contains(edge))
        {
            *line = self.forward(edge).unwrap_or_default();
        }
        for edge in back {
            let (gap, after) = match self.flow {
                Flow::Right => (26.0, LABEL_HEIGHT / 2.0 + 8.0),
                Flow::Down => (26.0, self.label(edge) + 14.0),
            };
            if let Some(line) = lines.get_mut(edge) {
                *line = self.back(edge, lanes + gap).unwrap_or_default();
            }
            lanes += gap + after;
        }
        let (length, breadth) = (self.length + MARGIN, lanes + MARGIN);
        let (width, height) = self.turned((length, breadth));
        Drawing { width, height, nodes: nodes.into_iter().map(|area| self.turn(area)).collect(), lines }
    }

    fn label(&self, edge: usize) -> f64 {
        self.labels.get(edge).copied().unwrap_or_default()
    }

    /// How long and how broad a slot is.
    fn extent(&self, slot: Slot) -> (f64, f64) {
        match slot {
            Slot::Node(node) => self.turned(self.sizes.get(node).copied().unwrap_or_default()),
            Slot::Passing(edge) => {
                (0.0, if self.flow == Flow::Right { LABEL_HEIGHT } else { self.label(edge) })
            }
        }
    }

    fn place_slots(&mut self) {
        let between = if self.flow == Flow::Right { 26.0 } else { 12.0 };
        let breadths: Vec<f64> = self
            .placed
            .layers
            .iter()
            .map(|layer| {
                let sum: f64 = layer.iter().map(|slot| self.extent(*slot).1).sum();
                sum + between * (layer.len().saturating_sub(1)) as f64
            })
            .collect();
        let broadest = breadths.iter().copied().fold(0.0, f64::max);
        let mut along = MARGIN;
        for (number, (layer, breadth)) in self.placed.layers.iter().zip(&breadths).enumerate() {
            let length = layer.iter().map(|slot| self.extent(*slot).0).fold(0.0, f64::max);
            let mut across = MARGIN + (broadest - breadth) / 2.0;
            for slot in layer {
                let (own, breadth) = self.extent(*slot);
                let length = if matches!(slot, Slot::Passing(_)) { length } else { own };
                let along = along + if own == 0.0 { length / 2.0 } else { own.max(length) / 2.0 };
                self.slots
                    .insert((*slot, number), Area { along, across: across + breadth / 2.0, length, breadth });
                across += breadth + between;
            }
            self.length = along + length;
            along += length + self.gap(number);
        }
        self.breadth = MARGIN + broadest;
    }

    /// How far the next layer is: there is room for the labels of the edges that lead there.
    fn gap(&self, layer: usize) -> f64 {
        if self.flow == Flow::Down {
            // Where many edges leave one node, their labels are far apart only near their ends.
            let leaving = |node: usize| self.edges.iter().filter(|(from, _)| *from == node).count();
            return LABEL_HEIGHT
                + if (0..self.sizes.len()).any(|node| leaving(node) > 2) { 70.0 } else { 40.0 };
        }
        let leads = |edge: &usize| {
            self.edges.get(*edge).is_some_and(|(from, to)| {
                self.layer_of(*from) == Some(layer) && self.layer_of(*to) == Some(layer + 1)
            })
        };
        let widest = (0..self.edges.len()).filter(leads).map(|edge| self.label(edge)).fold(0.0, f64::max);
        widest.max(24.0) + 48.0
    }

    fn layer_of(&self, node: usize) -> Option<usize> {
        self.placed.layers.iter().position(|layer| layer.contains(&Slot::Node(node)))
    }

    fn node(&self, node: usize) -> Option<Area> {
        self.slots.get(&(Slot::Node(node), self.layer_of(node)?)).copied()
    }

    fn ends(&self, edge: usize) -> Option<(Area, Area)> {
        let (from, to) = self.edges.get(edge)?;
        Some((self.node(*from)?, self.node(*to)?))
    }

    /// A curve through the layers between its ends.
    fn forward(&self, edge: usize) -> Option<Line> {
        let (from, to) = *self.edges.get(edge)?;
        let (source, target) = self.ends(edge)?;
        let out = (
            source.along + source.length / 2.0,
            source.across + self.port(edge, from, source.breadth, |(from, _)| *from),
        );
        let into = (
            target.along - target.length / 2.0 - 1.0,
            target.across + self.port(edge, to, target.breadth, |(_, to)| *to),
        );
        let mut points = vec![out];
        let (first, last) = (self.layer_of(from)?, self.layer_of(to)?);
        let passing: Vec<Area> = (first + 1..last)
            .filter_map(|layer| self.slots.get(&(Slot::Passing(edge), layer)).copied())
            .collect();
        for area in &passing {
            points.push((area.along - area.length / 2.0, area.across));
            points.push((area.along + area.length / 2.0, area.across));
        }
        points.push(into);
        let mut path = format!("M{}", self.point(out));
        for (at, pair) in points.windows(2).enumerate() {
            let [a, b] = pair else { continue };
            if at % 2 == 1 {
                path.push_str(&format!("L{}", self.point(*b)));
            } else {
                let bend = (b.0 - a.0) / 2.0;
                let bends = [(a.0 + bend, a.1), (b.0 - bend, b.1), *b].map(|point| self.point(point));
                path.push_str(&format!("C{}", bends.join(" ")));
            }
        }
        let label = passing.first().map_or_else(
            || {
                // Where edges fan out, nearer to their targets; where they meet, nearer to their sources.
                let count = |wanted: &dyn Fn(&(usize, usize)) -> bool| {
                    self.edges.iter().filter(|edge| wanted(edge)).count()
                };
                let (leaving, coming) = (count(&|edge| edge.0 == from), count(&|edge| edge.1 == to));
                let part = match leaving.cmp(&coming) {
                    std::cmp::Ordering::Greater => {
                        if self.flow == Flow::Right {
                            0.64
                        } else {
                            0.75
                        }
                    }
                    std::cmp::Ordering::Less => 0.36,
                    std::cmp::Ordering::Equal => 0.5,
                };
                let half = if self.flow == Flow::Right { self.label(edge) / 2.0 } else { LABEL_HEIGHT / 2.0 };
                let (least, most) = (out.0 + half + 8.0, into.0 - half - 14.0);
                let along = (out.0 + (into.0 - out.0) * part).min(most).max(least);
                let part = (along - out.0) / (into.0 - out.0).max(1.0);
                let eased = part * part * (3.0 - 2.0 * part);
                (along, out.1 + (into.1 - out.1) * eased)
            },
            |area| (area.along, area.across),
        );
        Some(Line { path, label: self.turned(label) })
    }

    /// Edges of one side of a node are spread over it, in the order of where they lead.
    fn port(&self, edge: usize, node: usize, breadth: f64, end: impl Fn(&(usize, usize)) -> usize) -> f64 {
        let mut beside: Vec<(f64, usize)> = (0..self.edges.len())
            .filter(|other| {
                !self.placed.back.contains(other) && self.edges.get(*other).map(&end) == Some(node)
            })
            .filter_map(|other| {
                let (from, to) = *self.edges.get(other)?;
                let far = self.node(if from == node { to } else { from })?;
                Some((far.across, other))
            })
            .collect();
        beside.sort_by(|a, b| a.0.total_cmp(&b.0));
        let place = beside.iter().position(|(_, other)| *other == edge).unwrap_or_default() as f64;
        let (count, room) = (beside.len() as f64, (breadth - 14.0).max(0.0));
        (place - (count - 1.0) / 2.0) * (room / count).min(12.0)
    }

    /// A way around everything, on a lane of its own beside the nodes.
    fn back(&self, edge: usize, lane: f64) -> Option<Line> {
        let (from, to) = self.ends(edge)?;
        let bend = 10.0;
        let (out, into) = (self.aside(&from, 1.0), self.aside(&to, -1.0));
        let mut path = self.leave(&from, out, 1.0, lane - bend);
        let step = |path: &mut String, command: &str, points: &[(f64, f64)]| {
            let points: Vec<String> = points.iter().map(|point| self.point(*point)).collect();
            path.push_str(command);
            path.push_str(&points.join(" "));
        };
        step(&mut path, "Q", &[(out, lane), (out - bend, lane)]);
        step(&mut path, "L", &[(into + bend, lane)]);
        step(&mut path, "Q", &[(into, lane), (into, lane - bend)]);
        if self.is_last(&to) {
            step(&mut path, "L", &[(into, to.across + to.breadth / 2.0 + 1.0)]);
        } else {
            let edge = to.along - to.length / 2.0;
            let across = to.across + to.breadth / 4.0;
            step(&mut path, "L", &[(into, across + bend)]);
            step(&mut path, "Q", &[(into, across), (into + bend, across)]);
            step(&mut path, "L", &[(edge - 1.0, across)]);
        }
        let label = match self.flow {
            Flow::Right => (f64::midpoint(out, into), lane),
            Flow::Down => (f64::midpoint(out, into), lane + 6.0 + self.label_half(edge)),
        };
        Some(Line { path, label: self.turned(label) })
    }

    fn label_half(&self, edge: usize) -> f64 {
        self.label(edge) / 2.0
    }

    /// Where a way back leaves a node or comes to it: below the last of a layer, else beside it.
    fn aside(&self, area: &Area, side: f64) -> f64 {
        if self.is_last(area) {
            area.along + side * (area.length * 0.22).min(24.0)
        } else {
            area.along + side * (area.length / 2.0 + 14.0)
        }
    }

    fn leave(&self, from: &Area, out: f64, side: f64, until: f64) -> String {
        let bend = 10.0;
        if self.is_last(from) {
            return format!(
                "M{}L{}",
                self.point((out, from.across + from.breadth / 2.0)),
                self.point((out, until))
            );
        }
        let across = from.across + from.breadth / 4.0;
        format!(
            "M{}L{}Q{} {}L{}",
            self.point((from.along + side * from.length / 2.0, across)),
            self.point((out - side * bend, across)),
            self.point((out, across)),
            self.point((out, across + bend)),
            self.point((out, until)),
        )
    }

    /// Whether nothing of its layer is between a node and the lanes.
    fn is_last(&self, area: &Area) -> bool {
        let same = |other: &&Area| (other.along - area.along).abs() < (other.length + area.length) / 2.0;
        self.slots.values().filter(same).all(|other| other.across <= area.across)
    }

    fn turned<T>(&self, (along, across): (T, T)) -> (T, T) {
        match self.flow {
            Flow::Right => (along, across),
            Flow::Down => (across, along),
        }
    }

    fn turn(&self, area: Area) -> Area {
        let ((along, across), (length, breadth)) =
            (self.turned((area.along, area.across)), self.turned((area.length, area.breadth)));
        Area { along, across, length, breadth }
    }

    fn point(&self, point: (f64, f64)) -> String {
        let (x, y) = self.turned(point);
        format!("{x:.1},{y:.1}")
    }
}
