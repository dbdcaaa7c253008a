use crate::signing::MIN_KEY_BYTES;

/// A setting that cannot be used: what it is, why, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// A number is none, or out of its range.
    #[error("{name}={value:?} is not a whole number from {least} to {most}; write for example \"{example}\"")]
    Number {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// The lowest value allowed.
        least: u32,
        /// The highest value allowed.
        most: u32,
        /// A value that works.
        example: u32,
    },
    /// A word is none of those that the variable knows.
    #[error("{name}={value:?} is not known; write one of {known}")]
    Word {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// The words that it knows.
        known: &'static str,
    },
    /// A duration has no unit.
    #[error(
        "{name}={value:?} is not a duration: the unit is missing; write for example \"{value}ms\" or \"{value}s\""
    )]
    MissingUnit {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
    },
    /// A duration is none, or out of its range.
    #[error("{name}={value:?} is not a duration {range}; write for example \"{example}\"")]
    Duration {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// The range in words.
        range: &'static str,
        /// A value that works.
        example: &'static str,
    },
    /// A queue is not named by its URL.
    #[error(
        "{name}={value:?} is not the URL of an SQS queue; write for example \"https://sqs.eu-central-1.amazonaws.com/123456789012/quarantine\""
    )]
    QueueUrl {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
    },
    /// A role is not named by its ARN.
    #[error(
        "{name}={value:?} is not the ARN of a role; write for example \"arn:aws:iam::123456789012:role/hopguard-cooldown\""
    )]
    RoleArn {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
    },
    /// A table is not named by its name or ARN.
    #[error(
        "{name}={value:?} is not the name or the ARN of a DynamoDB table; write for example \"hopguard-ledger\""
    )]
    Table {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
    },
    /// A file is not named by its whole path.
    #[error("{name}={value:?} is not an absolute path; write for example \"{example}\"")]
    Path {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// A value that works.
        example: &'static str,
    },
    /// A number with a fraction is none, or out of its range.
    #[error("{name}={value:?} is not a number {range}; write for example \"{example}\"")]
    Decimal {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// The range in words.
        range: &'static str,
        /// A value that works.
        example: &'static str,
    },
    /// A threshold's number is none, or out of its range.
    #[error(
        "{name}: {value:?} is not a whole number from {least} to {most}; write for example \"{threshold}={example}\""
    )]
    Threshold {
        /// The variable.
        name: &'static str,
        /// What it holds for this threshold.
        value: String,
        /// The threshold.
        threshold: &'static str,
        /// The lowest value allowed.
        least: u32,
        /// The highest value allowed.
        most: u32,
        /// A value that works.
        example: u32,
    },
    /// A word is none of the thresholds.
    #[error("{name}: {word:?} is no threshold; {hint}")]
    UnknownThreshold {
        /// The variable.
        name: &'static str,
        /// The word.
        word: String,
        /// What was probably meant, or where the thresholds are listed.
        hint: String,
    },
    /// A signing key is too short. The key itself is never shown.
    #[error(
        "{name} holds a key of {bytes} bytes; write one of at least {MIN_KEY_BYTES}, for example the output of `openssl rand -hex 32`"
    )]
    ShortKey {
        /// The variable.
        name: &'static str,
        /// The length found.
        bytes: usize,
    },
    /// Quarantine was chosen, and no queue is named.
    #[error(
        "HOPGUARD_ON_BLOCK=\"quarantine\" needs a queue; write its URL in HOPGUARD_QUARANTINE (until then blocked records fail)"
    )]
    QuarantineWithoutQueue,
    /// A trip is to end by itself, and no role is named that may end it.
    #[error(
        "HOPGUARD_COOLDOWN needs a role that EventBridge Scheduler may assume; write its ARN in HOPGUARD_COOLDOWN_ROLE (until then a trip lasts until somebody resumes the function)"
    )]
    CooldownWithoutRole,
    /// Chains have a budget, and there is no ledger that counts them.
    #[error(
        "HOPGUARD_CHAIN_BUDGET needs a DynamoDB table that counts over all environments; write its name in HOPGUARD_LEDGER_TABLE (until then chains have no budget)"
    )]
    BudgetWithoutLedger,
    /// A variable begins with `HOPGUARD_` and is none of hopguard's.
    #[error("{name} is not a setting of hopguard; {hint}")]
    Unknown {
        /// The variable.
        name: String,
        /// What was probably meant, or what there is.
        hint: String,
    },
}

impl SettingError {
    /// An unknown variable, with the nearest known one as a hint.
    pub(crate) fn unknown(name: &str, known: impl Iterator<Item = &'static str>) -> Self {
        let hint = hint(name, known, 6).unwrap_or_else(|| "remove it, or see the README's list".to_owned());
        Self::Unknown { name: name.chars().take(64).collect(), hint }
    }

    /// An unknown threshold, with the nearest known one as a hint.
    pub(crate) fn unknown_threshold(
        name: &'static str,
        word: &str,
        known: impl Iterator<Item = &'static str>,
    ) -> Self {
        let hint = hint(word, known, 4).unwrap_or_else(|| "see docs/findings.md".to_owned());
        Self::UnknownThreshold { name, word: word.chars().take(64).collect(), hint }
    }
}

/// The nearest of the known names, where it is no further away than so many edits.
fn hint(name: &str, known: impl Iterator<Item = &'static str>, most: usize) -> Option<String> {
    let (distance, candidate) = known.map(|candidate| (distance(name, candidate), candidate)).min()?;
    (distance <= most).then(|| format!("did you mean {candidate}?"))
}

/// The Levenshtein distance, of the first 64 characters.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let cost = (*cell + 1).min(left + 1).min(diagonal + usize::from(x != y));
            diagonal = *cell;
            *cell = cost;
            left = cost;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        let cases = [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3), ("HOPS", "HOP", 1)];
        for (a, b, expected) in cases {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_far_name_gets_no_wild_guess() {
        let error = SettingError::unknown("HOPGUARD_SOMETHING_ELSE", ["HOPGUARD_MODE"].into_iter());
        assert!(error.to_string().ends_with("see the README's list"), "{error}");
    }
}
