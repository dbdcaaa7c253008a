use maud::{Markup, html};

use crate::format;
use crate::report::graph::{self, Flow};
use crate::report::view::{Report, Shape};

pub(super) fn section(report: &Report) -> Markup {
    let chains = &report.chains;
    let more = chains.shapes_total.saturating_sub(chains.shapes.len() as u64);
    html! {
        section id="chains" aria-labelledby="chains-h" {
            h2 id="chains-h" { "Chains" }
            p class="formula" {
                (format::counted(chains.total, "chain", "chains")) ", "
                (format::counted(chains.single, "of one invocation alone", "of one invocation alone"))
                @if chains.shapes_total > 0 { ". Chains of one shape are drawn together" }
                @if more > 0 { "; " (format::count(more)) " more shapes are not drawn" }
                "."
            }
            @if chains.shapes.iter().any(|shape| !shape.edges.is_empty()) { (key(chains.shapes.as_slice())) }
            @for (number, shape) in chains.shapes.iter().enumerate() { (one(number + 1, shape)) }
        }
    }
}

fn key(shapes: &[Shape]) -> Markup {
    let any = |wanted: fn(&crate::report::view::Edge) -> bool| {
        shapes.iter().flat_map(|shape| &shape.edges).any(wanted)
    };
    html! {
        p class="key" {
            span { span class="swatch line" {} "sends to" }
            @if any(|edge| edge.sync) { span { span class="swatch line sync" {} "invokes and waits" } }
            @if any(|edge| edge.in_loop) { span { span class="swatch line loop" {} "loop" } }
        }
    }
}

fn one(number: usize, shape: &Shape) -> Markup {
    let loops = shape.edges.iter().any(|edge| edge.in_loop);
    let title = format!("Graph {number}: {}", words(shape));
    html! {
        figure class="shape" {
            figcaption {
                h3 { (format::counted(shape.chains, "chain", "chains")) @if loops { span class="badge loop" { "loop" } } @if shape.blocked > 0 { span class="badge blocked" { (format::count(shape.blocked)) " blocked" } } }
                p {
                    (format::counted(shape.invocations, "invocation", "invocations"))
                    @if let Some(hop) = shape.max_hop { ", up to hop " (hop) }
                    @if let Some(visits) = shape.max_visits.filter(|visits| *visits > 1) { ", visit " (visits) }
                    ", paid " (format::usd(shape.paid.usd)) ", waiting " span class="wait" { (format::usd(shape.wait.usd)) }
                }
                @if shape.nodes_left_out + shape.edges_left_out > 0 {
                    p { (format::count(shape.nodes_left_out)) " functions and " (format::count(shape.edges_left_out)) " edges are not drawn." }
                }
            }
            div class="scroll" role="region" aria-label=(format!("Graph {number}")) tabindex="0" {
                (graph::draw(shape, Flow::Right, &title))
                (graph::draw(shape, Flow::Down, &title))
            }
            ul class="examples" {
                @for example in &shape.examples {
                    li {
                        @let name = format::shortened(&example.chain_id, 13);
                        @if let Some(key) = &example.key { a href=(format!("#{key}")) title=(example.chain_id) { (name) } }
                        @else { span class="id" title=(example.chain_id) { (name) } }
                        " " (format::clock(example.start_ns)) ", " (format::counted(example.invocations, "invocation", "invocations")) " in " (format::duration(example.duration_ns))
                        @if example.blocked > 0 { ", " b class="loop" { (format::count(example.blocked)) " blocked" } }
                    }
                }
                @if shape.chains > shape.examples.len() as u64 { li { "and " (format::count(shape.chains - shape.examples.len() as u64)) " more" } }
            }
        }
    }
}

/// The graph in words, for those who do not see it.
pub(crate) fn words(shape: &Shape) -> String {
    let name = |place: usize| shape.nodes.get(place).map(|node| node.name.as_str()).unwrap_or_default();
    let edges = shape.edges.iter().map(|edge| {
        let by = if edge.carriers.is_empty() {
            String::new()
        } else {
            format!(" by {}", edge.carriers.join(", "))
        };
        let times = format::counted(edge.invocations, "time", "times");
        format!(
            "{} to {}{by}, {times}{}",
            name(edge.from),
            name(edge.to),
            if edge.in_loop { ", in a loop" } else { "" }
        )
    });
    edges.collect::<Vec<_>>().join("; ")
}
