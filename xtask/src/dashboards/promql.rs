//! Expressions for Prometheus, with names as OpenTelemetry's collector translates them.

use hopguard_core::metrics::CallDurations;
use hopguard_core::{Counter, Measure};

use super::panel::{By, Of, Series};

/// How long an environment that sleeps may be silent until what it says next counts as new: Lambda ends most of them sooner.
const SILENCE: &str = "2h";

/// What is selected on a dashboard.
pub(crate) const SELECTED: &str =
    r#"cloud_account_id=~"$account",cloud_region=~"$region",faas_name=~"$function""#;
/// What names one function.
pub(crate) const FUNCTION: &str = "cloud_account_id, cloud_region, faas_name";

/// A metric's name, with the suffix that its unit gives it. What stands in braces gives none.
pub(crate) fn name(metric: &str, unit: &str) -> String {
    let suffix = match unit {
        "s" => "_seconds",
        "By" => "_bytes",
        _ => "",
    };
    metric.replace(['.', '-'], "_") + suffix
}

/// The series of these counters, which are of one metric; `more` are further matchers.
pub(crate) fn counters(counters: &[Counter], more: &str) -> String {
    let Some((metric, attribute)) = counters.first().map(|first| first.metric()) else {
        return String::new();
    };
    let values: Vec<_> =
        counters.iter().filter_map(|counter| counter.metric().1.map(|(_, value)| value)).collect();
    let own = match (attribute, values.as_slice()) {
        (None, _) => String::new(),
        (Some((key, _)), [one]) => format!("{key}=\"{one}\""),
        (Some((key, _)), many) => format!("{key}=~\"{}\"", many.join("|")),
    };
    let matchers: Vec<_> = [own.as_str(), more].into_iter().filter(|matchers| !matchers.is_empty()).collect();
    format!("{}_total{{{}}}", name(metric, "1"), matchers.join(","))
}

/// What cumulative series gained in a window, each environment's for itself. `increase` does not see the first value of an environment, and
/// most environments of a loop export little more than that one; so this is the last value less the one before the window, and
/// where there is none before it, or it was set back, the last value.
pub(crate) fn gained(series: &str, window: &str) -> String {
    let last = format!("last_over_time({series}[{window}])");
    format!("({last} - last_over_time({series}[{SILENCE}] offset {window}) >= 0 or {last})")
}

/// A series of a panel in a window.
pub(crate) fn expression(series: &Series, window: &str) -> String {
    let summed = |selector: String| sum(by(series.by), &gained(&selector, window));
    let part = |measure: Measure, part: &str| {
        format!("{}_{part}{{{SELECTED}}}", name(measure.name(), measure.unit()))
    };
    let calls =
        |part: &str| format!("{}_{part}{{{SELECTED}}}", name(CallDurations::NAME, CallDurations::UNIT));
    let quantile = |quantile: &str, buckets: String| {
        let labels = match by(series.by) {
            "" => "le".to_owned(),
            labels => format!("le, {labels}"),
        };
        format!("histogram_quantile({quantile}, {})", sum(&labels, &gained(&buckets, window)))
    };
    match &series.of {
        Of::Events(events) => summed(counters(events, SELECTED)),
        Of::Sum(measure) => summed(part(*measure, "sum")),
        Of::Mean(measure) => {
            format!("{} / {}", summed(part(*measure, "sum")), summed(part(*measure, "count")))
        }
        Of::High(measure) => quantile("0.95", part(*measure, "bucket")),
        Of::Greatest(measure) => quantile("1", part(*measure, "bucket")),
        Of::Last(measure) => {
            let name = name(measure.name(), measure.unit());
            let last = format!("last_over_time({name}{{{SELECTED}}}[{window}])");
            match by(series.by) {
                "" => format!("max({last})"),
                labels => format!("max by ({labels}) ({last})"),
            }
        }
        Of::Share(one, all) => format!("{} / {}", summed(part(*one, "sum")), summed(part(*all, "sum"))),
        Of::CallTime => summed(calls("sum")),
        Of::CallHigh => quantile("0.95", calls("bucket")),
        Of::Calls => summed(calls("count")),
        Of::AtZero => {
            let tripped = gained(&counters(&[Counter::Tripped], SELECTED), window);
            let ran = gained(&counters(&[Counter::Invocations], SELECTED), "5m");
            format!("count({} > 0 unless {} > 0)", sum(FUNCTION, &tripped), sum(FUNCTION, &ran))
        }
        Of::Throttles | Of::RecursiveInvocationsDropped => String::new(),
    }
}

/// How a series is called in a legend.
pub(crate) fn legend(series: &Series) -> String {
    match series.by {
        By::All => series.legend.to_owned(),
        By::Function => "{{faas_name}}".to_owned(),
        By::Operation => "{{rpc_service}}.{{rpc_method}}".to_owned(),
    }
}

fn by(by: By) -> &'static str {
    match by {
        By::All => "",
        By::Function => "faas_name",
        By::Operation => "rpc_service, rpc_method",
    }
}

fn sum(labels: &str, of: &str) -> String {
    let of = of.strip_prefix('(').and_then(|of| of.strip_suffix(')')).unwrap_or(of);
    match labels {
        "" => format!("sum({of})"),
        labels => format!("sum by ({labels}) ({of})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_suffixes_of_the_specification() {
        let cases = [
            (Measure::Wait, "hopguard_wait_seconds"),
            (Measure::MemoryUsed, "faas_mem_usage_bytes"),
            (Measure::WaitCost, "hopguard_wait_cost"),
            (Measure::Hop, "hopguard_hop"),
        ];
        for (measure, expected) in cases {
            assert_eq!(name(measure.name(), measure.unit()), expected);
        }
        assert_eq!(counters(&[Counter::Invocations], ""), "faas_invocations_total{}");
        assert_eq!(
            counters(&[Counter::Blocked, Counter::Warned], "a=\"b\""),
            "hopguard_records_total{verdict=~\"block|warn\",a=\"b\"}"
        );
    }
}
