use maud::{Markup, html};

use super::label;
use super::layout::{self, Area, Drawing, Flow, NAME_SIZE, SMALL_SIZE};
use crate::format;
use crate::report::view::{Edge, Node, Shape};

/// The drawing of a shape. `title` is what it is called where it is read aloud.
pub(crate) fn draw(shape: &Shape, flow: Flow, title: &str) -> Markup {
    let drawing = layout::lay_out(shape, flow);
    let Drawing { width, height, .. } = drawing;
    let class = if flow == Flow::Right { "graph wide" } else { "graph narrow" };
    html! {
        svg class=(class) xmlns="http://www.w3.org/2000/svg" width=(format!("{width:.0}")) height=(format!("{height:.0}"))
            viewBox=(format!("0 0 {width:.0} {height:.0}")) role="img" {
            title { (title) }
            @for (edge, line) in shape.edges.iter().zip(&drawing.lines) {
                path class=(edge_class(edge)) d=(line.path) marker-end=(marker(edge)) {}
            }
            @for (node, area) in shape.nodes.iter().zip(&drawing.nodes) {
                (draw_node(node, area))
            }
            @for (edge, line) in shape.edges.iter().zip(&drawing.lines) {
                (draw_label(shape, edge, line.label))
            }
        }
    }
}

/// The arrowheads of all drawings of a page.
pub(crate) fn markers() -> Markup {
    html! {
        svg class="markers" width="0" height="0" aria-hidden="true" {
            defs {
                @for (id, class) in [("arrow", "head"), ("arrow-loop", "head loop"), ("arrow-sync", "head sync")] {
                    marker id=(id) viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto" {
                        path class=(class) d="M0,.5L8,4L0,7.5Z" {}
                    }
                }
            }
        }
    }
}

fn edge_class(edge: &Edge) -> &'static str {
    match (edge.in_loop, edge.sync) {
        (true, _) => "edge loop",
        (false, true) => "edge sync",
        (false, false) => "edge",
    }
}

fn marker(edge: &Edge) -> &'static str {
    match (edge.in_loop, edge.sync) {
        (true, _) => "url(#arrow-loop)",
        (false, true) => "url(#arrow-sync)",
        (false, false) => "url(#arrow)",
    }
}

fn draw_node(node: &Node, area: &Area) -> Markup {
    let (name, below) = label::of_node(node);
    let class = match (node.entry, node.in_loop, node.blocked > 0) {
        (true, ..) => "node entry",
        (_, true, true) => "node loop blocked",
        (_, true, false) => "node loop",
        (_, false, true) => "node blocked",
        _ => "node",
    };
    let (x, y) = (area.along - area.length / 2.0, area.across - area.breadth / 2.0);
    let radius = if node.entry { area.breadth / 2.0 } else { 6.0 };
    let number = |value: f64| format!("{value:.1}");
    let name_at = if below.is_empty() { area.across + NAME_SIZE * 0.35 } else { area.across - 4.0 };
    html! {
        g class=(class) {
            title { (node.name) }
            rect x=(number(x)) y=(number(y)) width=(number(area.length)) height=(number(area.breadth)) rx=(number(radius)) {}
            text class="name" x=(number(area.along)) y=(number(name_at)) { (name) }
            @if !below.is_empty() {
                text class="small" x=(number(area.along)) y=(number(area.across + SMALL_SIZE + 2.0)) { (below) }
            }
            @if node.blocked > 0 && !node.entry {
                @let text = format!("{} blocked", format::count(node.blocked));
                @let width = label::width(&text, SMALL_SIZE) + 14.0;
                @let right = x + area.length + 6.0;
                rect class="mark" x=(number(right - width)) y=(number(y - 9.0)) width=(number(width)) height="17" rx="8.5" {}
                text class="mark small" x=(number(right - width / 2.0)) y=(number(y + 3.5)) { (text) }
            }
        }
    }
}

fn draw_label(shape: &Shape, edge: &Edge, (x, y): (f64, f64)) -> Markup {
    let from_entry = shape.nodes.get(edge.from).is_some_and(|node| node.entry);
    let lines = label::of_edge(edge, from_entry);
    let lines: Vec<&String> = lines.iter().filter(|line| !line.is_empty()).collect();
    let class = match (edge.in_loop, edge.sync) {
        (true, _) => "label loop",
        (false, true) => "label sync",
        (false, false) => "label",
    };
    let width = lines.iter().map(|line| label::width(line, SMALL_SIZE)).fold(0.0, f64::max) * 0.94;
    let height = LINE * lines.len() as f64 + 2.0;
    html! {
        rect class="behind" x=(format!("{:.1}", x - width / 2.0)) y=(format!("{:.1}", y - height / 2.0)) width=(format!("{width:.1}")) height=(format!("{height:.1}")) {}
        @for (number, line) in lines.iter().enumerate() {
            text class=(class) x=(format!("{x:.1}")) y=(format!("{:.1}", y - height / 2.0 + LINE * (number as f64 + 0.8))) { (line) }
        }
    }
}

/// From one line of a label to the next.
const LINE: f64 = 13.5;

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(nodes: &[&str], edges: &[(usize, usize)]) -> Shape {
        let node =
            |name: &&str| Node { name: (*name).to_owned(), entry: name.starts_with('>'), ..Node::default() };
        let edge =
            |(from, to): &(usize, usize)| Edge { from: *from, to: *to, invocations: 1, ..Edge::default() };
        Shape {
            nodes: nodes.iter().map(node).collect(),
            edges: edges.iter().map(edge).collect(),
            ..Shape::default()
        }
    }

    #[test]
    fn everything_is_inside_the_drawing() {
        type Case<'c> = (&'c [&'c str], &'c [(usize, usize)]);
        let cases: [Case<'_>; 5] = [
            (&["alone"], &[(0, 0)]),
            (&[">SQS", "order", "invoice"], &[(0, 1), (1, 2), (2, 1)]),
            (&[">S3", "a", "b", "c", "d"], &[(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (1, 4), (4, 1), (2, 1)]),
            (&["a very long name of a function indeed", "b"], &[(0, 1), (1, 0), (1, 1)]),
            (&[], &[]),
        ];
        for (nodes, edges) in cases {
            for flow in [Flow::Right, Flow::Down] {
                let shape = shape(nodes, edges);
                let drawing = layout::lay_out(&shape, flow);
                let inside = |area: &Area| {
                    let (x, y) = (area.along - area.length / 2.0, area.across - area.breadth / 2.0);
                    x >= 0.0
                        && y >= 0.0
                        && x + area.length <= drawing.width
                        && y + area.breadth <= drawing.height
                };
                assert!(drawing.nodes.iter().all(inside), "{nodes:?} {flow:?} {drawing:?}");
                assert!(drawing.lines.iter().all(|line| line.path.starts_with('M')), "{nodes:?} {flow:?}");
                let points = drawing
                    .lines
                    .iter()
                    .flat_map(|line| line.path.split(|c: char| c.is_ascii_alphabetic() || c == ' '));
                for point in points.filter(|point| !point.is_empty()) {
                    let (x, y) = point.split_once(',').unwrap();
                    let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                    assert!(
                        (0.0..=drawing.width).contains(&x) && (0.0..=drawing.height).contains(&y),
                        "{nodes:?} {flow:?} {point}"
                    );
                }
            }
        }
    }

    #[test]
    fn names_are_text_and_nothing_else() {
        let drawn = draw(&shape(&["</text><script>x</script>"], &[]), Flow::Right, "\"><b>").into_string();
        assert!(!drawn.contains("<script") && !drawn.contains("<b>"), "{drawn}");
    }
}
