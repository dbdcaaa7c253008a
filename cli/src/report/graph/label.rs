//! What stands on nodes and edges, and how much room it takes.

use crate::format;
use crate::report::view::{Edge, Node};

/// The most characters of a name.
const MAX_CHARACTERS: usize = 26;

/// The name and the line below it.
pub(super) fn of_node(node: &Node) -> (String, String) {
    let name = format::shortened(&node.name, MAX_CHARACTERS);
    if node.entry {
        return (name, String::new());
    }
    let runs = format::counted(node.invocations, "run", "runs");
    let wait = if node.wait_ns == 0 {
        String::new()
    } else {
        format!(" · {} wait", format::duration(node.wait_ns))
    };
    (name, format!("{runs}{wait}"))
}

/// The carriers, and hops and visits.
pub(super) fn of_edge(edge: &Edge, from_entry: bool) -> [String; 2] {
    let carriers = format::shortened(&edge.carriers.join(", "), MAX_CHARACTERS);
    let how = if edge.sync { " waits" } else { "" };
    let times = format!("{} ×", format::count(edge.invocations));
    if from_entry {
        return [times, String::new()];
    }
    let hops = match (edge.min_hop, edge.max_hop) {
        (Some(min), Some(max)) if min == max => format!("hop {min}"),
        (Some(min), Some(max)) => format!("hop {min}–{max}"),
        _ => String::new(),
    };
    let visits = match edge.max_visits {
        Some(visits) if visits > 1 => format!("visit {visits}"),
        _ => String::new(),
    };
    let first = [format!("{carriers}{how}"), times].join(" · ");
    let second: Vec<String> = [hops, visits].into_iter().filter(|word| !word.is_empty()).collect();
    [first.trim_start_matches([' ', '·']).to_owned(), second.join(" · ")]
}

/// How wide a text is at most, in the fonts of the page. Wide characters count twice.
pub(super) fn width(text: &str, font_size: f64) -> f64 {
    unicode_width::UnicodeWidthStr::width(text) as f64 * font_size * 0.575
}
