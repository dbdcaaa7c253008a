use super::{LOOP, WAIT};
use crate::format;
use crate::page::{Cell, Table};
use crate::page::{DIM, PLAIN, Page};
use crate::report::view::{Edge, Report, Shape};

pub(super) fn write(page: &mut Page, report: &Report) {
    let chains = &report.chains;
    let single = format!(
        "{} in all, {} of one invocation alone",
        format::counted(chains.total, "chain", "chains"),
        format::count(chains.single)
    );
    page.heading("CHAINS", &single);
    for shape in &chains.shapes {
        let blocked = if shape.blocked > 0 {
            format!(", {LOOP}{} blocked{LOOP:#}", format::count(shape.blocked))
        } else {
            String::new()
        };
        page.line(&format!(
            "  {}, {}, paid {}, waiting {WAIT}{}{WAIT:#}{blocked}",
            format::counted(shape.chains, "chain", "chains"),
            format::counted(shape.invocations, "invocation", "invocations"),
            format::usd(shape.paid.usd),
            format::usd(shape.wait.usd),
        ));
        let mut edges = Table::default();
        for edge in &shape.edges {
            edges.row(row(shape, edge));
        }
        for line in edges.lines(page.width) {
            page.line(&line);
        }
    }
    let more = chains.shapes_total.saturating_sub(chains.shapes.len() as u64);
    if more > 0 {
        page.line(&format!("  and {} of other shapes", format::counted(more, "group", "groups")));
    }
}

fn row(shape: &Shape, edge: &Edge) -> [Cell; 4] {
    let name = |place: usize| shape.nodes.get(place).map(|node| node.name.as_str()).unwrap_or_default();
    let style = match (edge.in_loop, edge.sync) {
        (true, _) => LOOP,
        (false, true) => WAIT,
        (false, false) => PLAIN,
    };
    let hops = match (edge.min_hop, edge.max_hop) {
        (Some(min), Some(max)) if min == max => format!("hop {min}"),
        (Some(min), Some(max)) => format!("hop {min}–{max}"),
        _ => String::new(),
    };
    let visits = edge
        .max_visits
        .filter(|visits| *visits > 1)
        .map_or_else(String::new, |visits| format!(", visit {visits}"));
    let how = match (edge.sync, edge.in_loop) {
        (true, _) => " waits",
        (false, true) => " loop",
        (false, false) => "",
    };
    [
        Cell::new(format!("    {} → {}", name(edge.from), name(edge.to)), style),
        Cell::new(format!("{}{how}", edge.carriers.join(", ")), style),
        Cell::new(format!("{hops}{visits}"), DIM),
        format!("{} ×", format::count(edge.invocations)).into(),
    ]
}
