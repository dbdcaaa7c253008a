//! What the analysis of waits takes for granted: a price, and from where on something is a finding.

use super::{SettingError, Variable, parse};
use crate::findings::{THRESHOLDS, Thresholds};

pub(super) const USD_PER_GB_SECOND: Variable = Variable {
    name: "HOPGUARD_USD_PER_GB_SECOND",
    default: "AWS's list price in us-east-1: 0.0000166667 on x86_64, 0.0000133334 on arm64",
    range: "0 to 0.001",
    doc: "What a GB-second of the function costs, in USD: the price of your Region, or what you pay after a discount.",
    apply: |draft, value| {
        let range = (0.0, 0.001, "from 0 to 0.001");
        let price = parse::decimal("HOPGUARD_USD_PER_GB_SECOND", value, range, "0.0000166667")?;
        draft.settings.usd_per_gb_second = Some(price);
        Ok(())
    },
};

pub(super) const FINDINGS: Variable = Variable {
    name: "HOPGUARD_FINDINGS",
    default: "as [docs/findings.md](findings.md#thresholds) lists them",
    range: "`threshold=number`, separated by commas",
    doc: "From where on something is a finding, for example `serial-wait.share=25,monolith.routes=12`; what is not named keeps its default.",
    apply: |draft, value| {
        draft.settings.thresholds = thresholds("HOPGUARD_FINDINGS", value)?;
        Ok(())
    },
};

/// Thresholds by their names. One that is wrong leaves all at their defaults, so that nobody runs with half of what they wrote.
fn thresholds(name: &'static str, value: &str) -> Result<Thresholds, SettingError> {
    let mut thresholds = Thresholds::default();
    for part in value.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (word, number) = part.split_once('=').unwrap_or((part, ""));
        let Some(threshold) = THRESHOLDS.iter().find(|threshold| threshold.name == word.trim()) else {
            return Err(SettingError::unknown_threshold(
                name,
                word,
                THRESHOLDS.iter().map(|known| known.name),
            ));
        };
        let (least, most) = threshold.range;
        let set = number.trim().parse().is_ok_and(|number| threshold.set(&mut thresholds, number));
        if !set {
            let example = threshold.value(Thresholds::default());
            let value = part.chars().take(64).collect();
            return Err(SettingError::Threshold {
                name,
                value,
                threshold: threshold.name,
                least,
                most,
                example,
            });
        }
    }
    Ok(thresholds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use crate::wait::{Architecture, Price};

    #[test]
    fn values_arrive() {
        let (settings, errors) = Settings::read([
            ("HOPGUARD_USD_PER_GB_SECOND", "0.0000133334"),
            ("HOPGUARD_FINDINGS", " serial-wait.share = 25, monolith.routes=12, "),
        ]);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(settings.usd_per_gb_second, Some(0.000_013_333_4));
        assert_eq!(settings.price(Architecture::X86_64).usd_per_gb_second, 0.000_013_333_4);
        assert_eq!(Settings::default().price(Architecture::Arm64), Price::listed(Architecture::Arm64));
        let expected = Thresholds { serial_wait_share: 25, monolith_routes: 12, ..Thresholds::default() };
        assert_eq!(settings.thresholds, expected);
    }

    #[test]
    fn a_threshold_that_is_wrong_is_named_with_what_to_write() {
        let cases = [
            (
                "monolith.route=12",
                "HOPGUARD_FINDINGS: \"monolith.route\" is no threshold; did you mean monolith.routes?",
            ),
            ("serial-wait", "HOPGUARD_FINDINGS: \"serial-wait\" is no threshold; see docs/findings.md"),
            (
                "serial-wait.share=101",
                "HOPGUARD_FINDINGS: \"serial-wait.share=101\" is not a whole number from 1 to 100; write for example \"serial-wait.share=10\"",
            ),
            (
                "recursion.visits",
                "HOPGUARD_FINDINGS: \"recursion.visits\" is not a whole number from 2 to 10000; write for example \"recursion.visits=2\"",
            ),
        ];
        for (value, expected) in cases {
            let value = format!("monolith.sources=9,{value}");
            let (settings, errors) = Settings::read([("HOPGUARD_FINDINGS", value)]);
            assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
            assert_eq!(settings.thresholds, Thresholds::default());
        }
    }

    #[test]
    fn a_price_has_a_range() {
        for bad in ["16.67", "-0.1", "NaN", "free", "0,00001"] {
            let (settings, errors) = Settings::read([("HOPGUARD_USD_PER_GB_SECOND", bad)]);
            let expected = format!(
                "HOPGUARD_USD_PER_GB_SECOND=\"{bad}\" is not a number from 0 to 0.001; write for example \"0.0000166667\""
            );
            assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
            assert_eq!(settings.usd_per_gb_second, None);
        }
    }
}
