//! Bars are SVG with shares of their width: no style of an element is set, so that the page's policy can forbid that.

use maud::{Markup, html};

/// A part of a whole, as one bar.
pub(super) fn share(part: u64, whole: u64) -> Markup {
    html! {
        svg class="share" width="100%" height="8" aria-hidden="true" {
            rect class="cpu" width="100%" height="100%" {}
            rect class="wait" width=(percent(part, whole)) height="100%" {}
        }
    }
}

/// A share as an SVG length.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let share = if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 };
    format!("{}%", trimmed(share.clamp(0.0, 100.0)))
}

/// Two decimals at most.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A window of time that bars are drawn in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from_ns: i64,
    length_ns: u64,
}

impl Scale {
    /// From the earliest of what is drawn to the latest.
    pub(super) fn new(pieces: impl Iterator<Item = (i64, u64)>) -> Self {
        let (mut from, mut until) = (0_i64, 1_i64);
        for (start, length) in pieces {
            from = from.min(start);
            until = until.max(start.saturating_add_unsigned(length));
        }
        Self { from_ns: from, length_ns: u64::try_from(until.saturating_sub(from)).unwrap_or(1).max(1) }
    }

    /// Where a time stands.
    pub(super) fn x(self, at_ns: i64) -> String {
        percent(u64::try_from(at_ns.saturating_sub(self.from_ns)).unwrap_or_default(), self.length_ns)
    }

    /// How wide a time is; so that the shortest is still seen.
    pub(super) fn width(self, ns: u64) -> String {
        let share = 100.0 * ns as f64 / self.length_ns as f64;
        format!("{}%", trimmed(share.clamp(0.15, 100.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_has_everything_in_it() {
        let scale = Scale::new([(0, 100), (-100, 50), (50, 250)].into_iter());
        assert_eq!((scale.x(-100), scale.x(0), scale.x(300)), ("0%".into(), "25%".into(), "100%".into()));
        assert_eq!((scale.width(100), scale.width(0)), ("25%".into(), "0.15%".into()));
        assert_eq!(percent(1, 0), "0%");
    }
}
