//! The table of ratios, in the form of `hopguard-core`'s.

use crate::samples::{Samples, Series};

#[derive(Clone, Copy)]
enum Target {
    /// At most so many times the reference.
    Times(f64),
    /// At most so much.
    Within(f64),
    /// For information.
    None,
}

struct Row<'s> {
    name: &'static str,
    unit: &'static str,
    own: &'s Series,
    reference: Option<&'s Series>,
    target: Target,
}

/// Prints what was measured: the references are the bare extension, and for the proxy the one that copies.
pub(crate) fn print(own: &Samples, bare: &Samples, copy: &Samples) {
    use Target::{None as No, Times, Within};
    let row = |name, unit, own, reference, target| Row { name, unit, own, reference, target };
    let rows = [
        row("binary", "MiB", &own.binary_mib, Some(&bare.binary_mib), Within(6.0)),
        row("exec to first /next", "ms", &own.first_next_ms, Some(&bare.first_next_ms), Times(1.5)),
        row(
            "the same at 72 milli-CPU",
            "ms",
            &own.slow_first_next_ms,
            Some(&bare.slow_first_next_ms),
            Times(2.0),
        ),
        row("CPU until then", "ms", &own.init_cpu_ms, Some(&bare.init_cpu_ms), Times(1.5)),
        row("resident after init", "MB", &own.resident_mb, Some(&bare.resident_mb), Times(2.5)),
        row("growth over 1,000 invocations", "MB", &own.growth_mb, Some(&bare.growth_mb), Within(0.3)),
        row("CPU per invocation, one span", "µs", &own.span_cpu_us, Some(&bare.span_cpu_us), Times(2.0)),
        row("the same, telemetry one by one", "µs", &own.single_span_cpu_us, Some(&bare.span_cpu_us), No),
        row("handler end to /next, p50", "µs", &own.next_p50_us, Some(&bare.next_p50_us), Times(1.3)),
        row("handler end to /next, p99", "µs", &own.next_p99_us, Some(&bare.next_p99_us), Times(1.5)),
        row("SHUTDOWN to exit", "ms", &own.exit_ms, Some(&bare.exit_ms), Within(10.0)),
        row(
            "proxy, added to a 1 KB event",
            "µs",
            &own.small_event_us,
            Some(&copy.small_event_us),
            Times(1.5),
        ),
        row(
            "proxy, added to a 6 MB event",
            "ms",
            &own.large_event_ms,
            Some(&copy.large_event_ms),
            Times(1.5),
        ),
        row(
            "proxy, memory for a 6 MB event",
            "MB",
            &own.large_event_mb,
            Some(&copy.large_event_mb),
            Within(1.0),
        ),
        row("growth over 100,000 invocations", "MB", &own.soak_mb, None, Within(2.0)),
    ];
    println!(
        "\n{:<32} {:>10} {:>10} {:>10} {:>10} {:>8} {:>8}  {:<8} result",
        "figure", "hopguard", "minimum", "reference", "minimum", "ratio", "min", "target"
    );
    rows.iter().for_each(Row::print);
    println!(
        "\nreference: an extension on the crate lambda-extension that does nothing, and for the proxy one that copies.\nratio: medians; min: minima; a target is missed when both miss it."
    );
}

impl Row<'_> {
    fn print(&self) {
        let Some((median, minimum)) = self.own.median().zip(self.own.minimum()) else {
            println!("{:<32} {:>10}", self.name, "not here");
            return;
        };
        let reference = self.reference.and_then(|series| series.median().zip(series.minimum()));
        let ratios = reference.map(|(of_median, of_minimum)| (median / of_median, minimum / of_minimum));
        let (target, met) = match self.target {
            Target::Times(times) => {
                (format!("{times}x"), ratios.map(|(ratio, least)| ratio <= times || least <= times))
            }
            Target::Within(most) => {
                (format!("{most} {}", self.unit), Some(median <= most || minimum <= most))
            }
            Target::None => ("-".to_owned(), None),
        };
        let (by_median, by_minimum) = reference.unzip();
        let (ratio, least) = ratios.unzip();
        let times = |ratio: Option<f64>| match (self.target, ratio) {
            // What is about nothing is no measure.
            (Target::Within(_), _) | (_, None) => "-".to_owned(),
            (_, Some(ratio)) => format!("{ratio:.2}x"),
        };
        println!(
            "{:<32} {:>10} {:>10} {:>10} {:>10} {:>8} {:>8}  {target:<8} {}",
            self.name,
            self.shown(Some(median)),
            self.shown(Some(minimum)),
            self.shown(by_median),
            self.shown(by_minimum),
            times(ratio),
            times(least),
            met.map_or("", |met| if met { "met" } else { "missed" }),
        );
    }

    fn shown(&self, value: Option<f64>) -> String {
        value.map_or_else(
            || "-".to_owned(),
            |value| {
                let digits = if value.abs() < 10.0 {
                    2
                } else if value.abs() < 100.0 {
                    1
                } else {
                    0
                };
                format!("{value:.digits$} {}", self.unit)
            },
        )
    }
}
