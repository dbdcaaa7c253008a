//! The report for machines.

use super::view::Report;

/// One JSON document with an end of line.
pub(crate) fn render(report: &Report) -> String {
    // Nothing in it can fail: no maps with keys that are no text, and numbers that are not finite become null.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}
