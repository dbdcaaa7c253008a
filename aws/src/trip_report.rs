use std::fmt;
use std::time::SystemTime;

use hopguard_core::breaker::Outcome;

use crate::reserved_concurrency::GET;
use crate::tags::Prior;

/// How a trip went.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TripReport {
    /// The answer for [`Breaker::handle_outcome`](hopguard_core::breaker::Breaker::handle_outcome). Its prior value is `None` both
    /// where none was reserved and where it could not be read; [`TripReport::prior`] tells these apart.
    pub outcome: Outcome,
    /// The reserved concurrency before the trip; `Unknown` also where nothing was changed.
    pub prior: Prior,
    /// When the reserved concurrency is restored by itself; `None` where there is no cooldown, or no schedule could be made.
    pub resumes_at: Option<SystemTime>,
    /// The IAM action that is missing, where the outcome is `Denied`.
    pub missing: Option<&'static str>,
    /// What AWS answered, where the outcome is `Denied`, `Throttled` or `Failed`.
    pub detail: Option<String>,
    /// What somebody should know besides.
    pub warnings: Vec<TripWarning>,
}

/// Something that did not keep a trip from its work.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TripWarning {
    /// The prior value is not in the function's tags: only the log has it.
    Untagged {
        /// The reserved concurrency before.
        prior: Prior,
        /// The IAM action that is missing, where that is why.
        missing: Option<&'static str>,
        /// What AWS answered.
        detail: String,
    },
    /// The prior value could not be read.
    PriorUnknown {
        /// What AWS answered.
        detail: String,
    },
    /// Lambda acknowledged the value 0, and it could not be read back.
    Unconfirmed {
        /// What AWS answered.
        detail: String,
    },
    /// There is a cooldown, and no schedule could be made: the trip lasts until somebody resumes the function.
    NotScheduled {
        /// The IAM action that is missing, where that is why.
        missing: Option<&'static str>,
        /// What AWS answered.
        detail: String,
    },
    /// When the trip ends by itself is not in the function's tags: only the log has it.
    CooldownUntagged {
        /// The IAM action that is missing, where that is why.
        missing: Option<&'static str>,
        /// What AWS answered.
        detail: String,
    },
    /// At 0, Lambda loses the function's asynchronous events: it has neither an on-failure destination nor a dead-letter queue.
    AsyncEventsAtRisk,
    /// Whether asynchronous events are lost could not be found out.
    AsyncEventsUnknown {
        /// The IAM action that is missing, where that is why.
        missing: Option<&'static str>,
        /// What AWS answered.
        detail: String,
    },
}

impl fmt::Display for TripWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let because = |f: &mut fmt::Formatter<'_>, missing: Option<&str>, detail: &str| match missing {
            Some(action) => write!(f, ": {action} is missing ({detail})"),
            None => write!(f, ": {detail}"),
        };
        match self {
            Self::Untagged { prior, missing, detail } => {
                write!(f, "the reserved concurrency before the trip, {prior}, is not in the function's tags")?;
                because(f, *missing, detail)
            }
            Self::PriorUnknown { detail } => {
                f.write_str("the reserved concurrency before the trip is not known")?;
                because(f, Some(GET), detail)
            }
            Self::Unconfirmed { detail } => {
                f.write_str("the reserved concurrency was set to 0 and could not be read back")?;
                because(f, None, detail)
            }
            Self::NotScheduled { missing, detail } => {
                f.write_str("the trip does not end by itself, in spite of HOPGUARD_COOLDOWN; somebody has to resume the function")?;
                because(f, *missing, detail)
            }
            Self::CooldownUntagged { missing, detail } => {
                f.write_str("when the trip ends by itself is not in the function's tags")?;
                because(f, *missing, detail)
            }
            Self::AsyncEventsAtRisk => f.write_str(
                "asynchronous events of this function are lost until it is resumed; give it an on-failure destination or a dead-letter queue",
            ),
            Self::AsyncEventsUnknown { missing, detail } => {
                f.write_str("asynchronous events of this function may be lost until it is resumed")?;
                because(f, *missing, detail)
            }
        }
    }
}
