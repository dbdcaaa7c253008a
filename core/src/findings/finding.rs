use super::Kind;
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
    /// Invocations that show it, the first few.
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
    /// In which unit: UCUM, `1` for a count.
    pub unit: &'static str,
    /// The threshold that it had to reach, where there is one.
    pub threshold: Option<f64>,
    /// What was counted, by name, the first few.
    pub names: Vec<String>,
    /// How many there were that could not be told apart any more, because there was no room for their names.
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
