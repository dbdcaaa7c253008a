use serde::Serialize;

/// What was found out about one function.
#[derive(Debug, Serialize)]
pub(super) struct Examined {
    pub(super) function: String,
    pub(super) checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// A name for machines: `settings`, `wrapper`, `permission` and so on.
    pub(super) check: &'static str,
    pub(super) level: Level,
    /// What it is like.
    pub(super) message: String,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// The guard does not do its work.
    Error,
    /// It does, and something is lost or late in a case.
    Warning,
    /// It could not be found out.
    Unknown,
    Ok,
}

impl Check {
    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, message: message.into(), advice: None }
    }

    pub(super) fn unknown(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, level: Level::Unknown, message: message.into(), advice: None }
    }

    pub(super) fn warning(
        check: &'static str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { check, level: Level::Warning, message: message.into(), advice: Some(advice.into()) }
    }

    pub(super) fn error(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Error, message: message.into(), advice: Some(advice.into()) }
    }
}
