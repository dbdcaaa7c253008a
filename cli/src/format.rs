//! Numbers as people read them. Each has so many digits that a USD figure follows from the shown ones.

use std::time::Duration;

/// A count with separators: `1,204`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 chain`, `2 chains`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A time in the unit that suits it: `830 µs`, `12.3 ms`, `1.204 s`, `12 min`.
pub(crate) fn duration(ns: u64) -> String {
    let (seconds, milliseconds) = (ns as f64 / 1e9, ns as f64 / 1e6);
    match ns {
        0 => "0 ms".to_owned(),
        1..1_000_000 => format!("{} µs", digits(ns as f64 / 1e3, 3)),
        1_000_000..1_000_000_000 => format!("{} ms", digits(milliseconds, 3)),
        1_000_000_000..120_000_000_000 => format!("{} s", digits(seconds, 4)),
        120_000_000_000..7_200_000_000_000 => format!("{} min", digits(seconds / 60.0, 3)),
        _ => format!("{} h", digits(seconds / 3600.0, 3)),
    }
}

/// The same of a [`Duration`].
pub(crate) fn elapsed(time: Duration) -> String {
    duration(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// Seconds, to the millisecond, and where that is not four digits, to four digits: `12.345`, `0.004213`.
pub(crate) fn seconds(ns: u64) -> String {
    let seconds = ns as f64 / 1e9;
    if ns == 0 {
        "0".to_owned()
    } else if seconds >= 1.0 {
        grouped(&format!("{seconds:.3}"))
    } else {
        digits(seconds, 4)
    }
}

/// GB-seconds, in six digits.
pub(crate) fn gb_seconds(value: f64) -> String {
    grouped(&digits(value, 6))
}

/// USD, in cents from a thousand on and else in four digits: `$0.0001234`.
pub(crate) fn usd(value: f64) -> String {
    if value <= 0.0 {
        "$0".to_owned()
    } else if value >= 1000.0 {
        format!("${}", grouped(&format!("{value:.2}")))
    } else {
        format!("${}", digits(value, 4))
    }
}

/// A price: all its digits, without an exponent.
pub(crate) fn price(value: f64) -> String {
    format!("${value}")
}

/// A share in percent: `0 %`, `0.4 %`, `41 %`.
pub(crate) fn percent(part: f64, whole: f64) -> String {
    let share = if whole > 0.0 { 100.0 * part / whole } else { 0.0 };
    if share > 0.0 && share < 9.95 { format!("{share:.1} %") } else { format!("{share:.0} %") }
}

/// A number of evidence in its unit.
pub(crate) fn evidence(value: f64, unit: &str) -> String {
    match unit {
        "1" => grouped(&digits(value, 6)),
        "%" => format!("{} %", digits(value, 3)),
        "ms" => duration((value.max(0.0) * 1e6) as u64),
        "MB" => format!("{} MB", digits(value, 3)),
        "GB.s" => format!("{} GB-s", gb_seconds(value)),
        other => format!("{} {other}", digits(value, 4)),
    }
}

/// So many significant digits, without an exponent, and without zeros at the end of a fraction.
pub(crate) fn digits(value: f64, significant: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let before = value.abs().log10().floor() as i32 + 1;
    let places = usize::try_from((significant - before).max(0)).unwrap_or_default();
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn grouped(number: &str) -> String {
    let (whole, fraction) =
        number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    fraction.map_or_else(|| whole.clone(), |fraction| format!("{whole}.{fraction}"))
}

/// A time of day, UTC: `2026-11-24 00:42:33`.
pub(crate) fn time(ns: u64) -> String {
    timestamp(ns).map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// A time of day with milliseconds, without the day: `00:42:33.120`.
pub(crate) fn clock(ns: u64) -> String {
    timestamp(ns).map_or_else(String::new, |at| at.strftime("%H:%M:%S%.3f").to_string())
}

fn timestamp(ns: u64) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_nanosecond(i128::from(ns)).ok()
}

/// At most so many characters, the last an ellipsis where there were more.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_exact_enough() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let times = [0, 830_000, 12_340_000, 999_999_999, 1_204_000_000, 720_000_000_000, 7_200_000_000_000];
        assert_eq!(times.map(duration), ["0 ms", "830 µs", "12.3 ms", "1000 ms", "1.204 s", "12 min", "2 h"]);
        assert_eq!(
            [0, 4_213_000, 1_500_000_000, 12_345_678_900_000].map(seconds),
            ["0", "0.004213", "1.500", "12,345.679"]
        );
        assert_eq!(
            [0.0, 0.000_001_234_56, 0.5, 12.346, 1234.567].map(usd),
            ["$0", "$0.000001235", "$0.5", "$12.35", "$1,234.57"]
        );
        assert_eq!(price(0.000_016_666_7), "$0.0000166667");
        assert_eq!(percent(1.0, 3.0) + &percent(1.0, 300.0) + &percent(1.0, 0.0), "33 %0.3 %0 %");
        assert_eq!(
            (time(1_764_000_000_000_000_000), clock(1_764_000_000_120_000_000)),
            ("2025-11-24 16:00:00".into(), "16:00:00.120".into())
        );
        assert_eq!(shortened("abcdef", 4), "abc…");
    }
}
