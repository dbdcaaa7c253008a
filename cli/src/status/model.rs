use std::time::SystemTime;

use hopguard_aws::operator::{Mapping, Queue, Reserved, Trigger};
use hopguard_aws::tags::TripTags;
use serde::Serialize;

/// What `hopguard status --output json` writes.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    /// The form of this document: `hopguard.status/1`.
    pub(crate) schema: &'static str,
    /// The Region that was asked.
    pub(crate) region: Option<String>,
    /// How many functions there are in it, where all were listed.
    pub(crate) listed: Option<usize>,
    pub(crate) functions: Vec<FunctionStatus>,
    /// The functions that could not be asked for, and why.
    pub(crate) errors: Vec<String>,
}

/// One function.
#[derive(Debug, Serialize)]
pub(crate) struct FunctionStatus {
    pub(crate) function: String,
    pub(crate) arn: String,
    pub(crate) state: State,
    /// `null` where none is reserved.
    pub(crate) reserved_concurrency: Reserved,
    pub(crate) guard: Guard,
    pub(crate) max_visits: u16,
    pub(crate) trip: Option<Trip>,
    /// What `hopguard resume` would do.
    pub(crate) resume: String,
    /// The rest, which only a function has that was named or is at 0.
    #[serde(flatten)]
    pub(crate) surroundings: Option<Surroundings>,
    /// What could not be found out.
    pub(crate) unknown: Vec<String>,
}

/// The breaker's state, as Lambda shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It is invoked.
    Admitting,
    /// At 0, by a trip.
    Tripped,
    /// At 1 after a trip.
    Probing,
    /// At 0, by something else than hopguard.
    Throttled,
}

impl State {
    pub(crate) fn of(reserved: Reserved, tripped: bool) -> Self {
        match (reserved, tripped) {
            (Some(0), true) => Self::Tripped,
            (Some(0), false) => Self::Throttled,
            (Some(1), true) => Self::Probing,
            _ => Self::Admitting,
        }
    }

    /// Whether somebody should look at it.
    pub(crate) const fn is_stopped(self) -> bool {
        !matches!(self, Self::Admitting)
    }
}

/// What of hopguard can be seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Guard {
    /// The layer is attached.
    Layer,
    /// It has settings, as a function with the crate may have.
    Settings,
    /// Neither. A function with the crate and no settings looks like that too.
    Unseen,
}

/// The last trip, from the tags.
#[derive(Debug, Serialize)]
pub(crate) struct Trip {
    pub(crate) at: String,
    #[serde(skip)]
    pub(crate) when: SystemTime,
    /// `null` where a person tripped it.
    pub(crate) chain: Option<String>,
    pub(crate) reason: String,
    /// A number, `unreserved`, or `unknown`.
    pub(crate) prior: Option<String>,
    /// When it is resumed by itself; `null` where somebody has to.
    pub(crate) resumes_at: Option<String>,
    #[serde(skip)]
    pub(crate) resumes: Option<SystemTime>,
}

impl Trip {
    pub(crate) fn of(tags: &TripTags) -> Self {
        let text = |time| jiff::Timestamp::try_from(time).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string();
        Self {
            at: text(tags.tripped_at),
            when: tags.tripped_at,
            chain: tags.cause.chain.map(|chain| chain.to_string()),
            reason: tags.cause.reason.clone(),
            prior: tags.prior.map(|prior| prior.to_string()),
            resumes_at: tags.resumes_at.map(text),
            resumes: tags.resumes_at,
        }
    }
}

/// What waits for the function, and where it goes meanwhile.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Surroundings {
    pub(crate) asynchronous: Asynchronous,
    pub(crate) sources: Vec<Source>,
    pub(crate) quarantine: Option<Messages>,
}

/// The fate of asynchronous events while the function is at 0.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Asynchronous {
    /// Where they are kept: the ARN of the on-failure destination or dead-letter queue.
    pub(crate) kept_in: Option<String>,
    /// Whether they are lost: there is neither. `null` where that could not be found out.
    pub(crate) lost: Option<bool>,
    /// The services that may invoke it asynchronously: `s3 arn:aws:s3:::photos`.
    pub(crate) triggers: Vec<String>,
}

impl Asynchronous {
    pub(crate) fn name(trigger: &Trigger) -> String {
        trigger
            .source
            .as_ref()
            .map_or_else(|| trigger.service.clone(), |arn| format!("{} {arn}", trigger.service))
    }
}

/// A queue or stream that Lambda reads for the function.
#[derive(Debug, Serialize)]
pub(crate) struct Source {
    pub(crate) arn: String,
    pub(crate) alias: Option<String>,
    /// Whether it is read, while the function is not at 0.
    pub(crate) enabled: bool,
    pub(crate) reports_failures: bool,
    pub(crate) messages: Option<Messages>,
}

impl Source {
    pub(crate) fn of(mapping: Mapping, messages: Option<Messages>) -> Self {
        Self {
            enabled: mapping.is_enabled(),
            arn: mapping.source,
            alias: mapping.qualifier,
            reports_failures: mapping.reports_failures,
            messages,
        }
    }
}

/// What is in a queue; SQS counts approximately.
#[derive(Debug, Serialize)]
pub(crate) struct Messages {
    pub(crate) queue: String,
    pub(crate) visible: u64,
    pub(crate) in_flight: u64,
    pub(crate) delayed: u64,
    pub(crate) dead_letters: Option<String>,
}

impl From<Queue> for Messages {
    fn from(queue: Queue) -> Self {
        Self {
            queue: queue.url,
            visible: queue.visible,
            in_flight: queue.in_flight,
            delayed: queue.delayed,
            dead_letters: queue.dead_letters,
        }
    }
}
