//! Bars of block characters, an eighth of a column fine.

/// The eighths of a block, from the left.
const EIGHTHS: [char; 8] = ['█', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// A part of a whole, filled and rest, of `width` columns together.
pub(super) fn share(part: u64, whole: u64, width: usize) -> (String, String) {
    let share = if whole == 0 { 0.0 } else { (part as f64 / whole as f64).clamp(0.0, 1.0) };
    let eighths = (share * width as f64 * 8.0).round() as usize;
    // Something is seen where there is something.
    let eighths = if part > 0 { eighths.max(1) } else { 0 };
    let mut filled = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        filled.extend(EIGHTHS.get(eighths % 8));
    }
    let rest = "░".repeat(width.saturating_sub(eighths.div_ceil(8)));
    (filled, rest)
}

/// A piece of time within a longer one: spaces, and then a bar of one column at least.
pub(super) fn piece(start_ns: i64, duration_ns: u64, whole_ns: u64, width: usize) -> (String, String) {
    let column =
        |ns: f64| (ns / whole_ns.max(1) as f64 * width as f64).round().clamp(0.0, width as f64) as usize;
    let from = column(start_ns.max(0) as f64).min(width.saturating_sub(1));
    let until = column(start_ns.saturating_add_unsigned(duration_ns).max(0) as f64).max(from + 1);
    (" ".repeat(from), "━".repeat(until - from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fill_their_width() {
        assert_eq!(share(1, 2, 4), ("██".into(), "░░".into()));
        assert_eq!(share(1, 16, 4), ("▎".into(), "░░░".into()));
        assert_eq!(share(0, 0, 2), (String::new(), "░░".into()));
        assert_eq!(share(1, 1_000_000, 2), ("▏".into(), "░".into()));
        assert_eq!(share(9, 3, 2), ("██".into(), String::new()));
        assert_eq!(piece(50, 25, 100, 4), ("  ".into(), "━".into()));
        assert_eq!(piece(-5, 500, 100, 4), (String::new(), "━━━━".into()));
        assert_eq!(piece(100, 0, 100, 4), ("   ".into(), "━".into()));
    }
}
