use super::Kind;
use super::names::Names;
use crate::wait::Amount;

/// One anti-pattern that one function showed within a window, with its evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which one.
    pub kind: Kind,
    /// The function.
    pub function: String,
    /// What was seen, each beside the threshold that it reached.
    pub evidence: Vec<Evidence>,
    /// A few invocations that show it: those that it cost most.
    pub examples: Vec<Example>,
    /// What to do about it.
    pub suggestion: &'static str,
    /// What it cost in this window, where it has a cost of its own. Of `serial-wait` it is what could be saved at the most.
    pub cost: Option<Amount>,
    /// How many of the function's invocations show it.
    pub affected: u64,
    /// How many of them were seen.
    pub invocations: u64,
}

/// One number that speaks for a finding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// What was counted or measured, in words.
    pub what: &'static str,
    /// How much of it there is.
    pub value: f64,
    /// In which unit: `1` for a count, else `%`, `ms`, `MB` or `GB.s`.
    pub unit: &'static str,
    /// The threshold that it had to reach, where there is one.
    pub threshold: Option<f64>,
    /// What was counted, by name: the first few in the order of the alphabet.
    pub names: Vec<String>,
    /// How often one came that there was no room for: with more than 64 names, `value` is 64 and this is not 0.
    pub overflow: u64,
}

/// An invocation that shows a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example {
    /// Its request id.
    pub invocation: String,
    /// Its trace id; empty where not known.
    pub trace: String,
}

impl Evidence {
    pub(super) fn count(what: &'static str, value: impl Into<f64>) -> Self {
        Self { what, value: value.into(), unit: "1", ..Self::default() }
    }

    pub(super) fn ms(what: &'static str, value: f64) -> Self {
        Self { what, value, unit: "ms", ..Self::default() }
    }

    pub(super) fn megabytes(what: &'static str, bytes: u64) -> Self {
        // As Lambda counts them.
        Self { what, value: bytes as f64 / 1_048_576.0, unit: "MB", ..Self::default() }
    }

    pub(super) fn gb_seconds(what: &'static str, amount: Amount) -> Self {
        Self { what, value: amount.gb_seconds, unit: "GB.s", ..Self::default() }
    }

    /// A part of the whole, in percent.
    pub(super) fn share(what: &'static str, part: Amount, whole: Amount) -> Self {
        let value = if whole.ns == 0 { 0.0 } else { part.ns as f64 / whole.ns as f64 * 100.0 };
        Self { what, value, unit: "%", ..Self::default() }
    }

    pub(super) fn against(self, threshold: u32) -> Self {
        Self { threshold: Some(f64::from(threshold)), ..self }
    }

    pub(super) fn named(self, names: &Names) -> Self {
        Self { names: names.shown(), overflow: names.overflow(), ..self }
    }

    /// Whether it has a threshold and reaches it: of several numbers, those that count.
    pub fn reaches(&self) -> bool {
        self.threshold.is_some_and(|threshold| self.value >= threshold)
    }
}
