use std::fmt;

use hopguard_aws::operator::{Reserved, Tags};
use hopguard_aws::tags::Prior;

/// What resuming a function means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Its reserved concurrency is set back.
    Restore(Reserved),
    /// It runs with a reserved concurrency that something else has set since the trip; only the tags are left to remove.
    Untag {
        /// The trip was to end by itself.
        cooldown: bool,
    },
    /// It is not at 0, and nothing of a trip is left.
    Nothing,
    /// It is not known what to restore.
    Unclear(Unclear),
}

/// Why it is not known what to restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// The function has no tags of a trip.
    NotTripped,
    /// The trip could not read the value before.
    Unknown,
    /// Somebody altered the tags.
    Altered(String),
}

impl Plan {
    /// What to do with a function in this state. `wish` is what its owner says to restore, and goes before the tags.
    pub(crate) fn new(reserved: Reserved, tags: &Tags, wish: Option<Reserved>) -> Self {
        let prior = tags.trip.as_ref().map(|trip| trip.prior);
        let tagged = prior.is_some() || tags.altered.is_some();
        match (reserved, prior) {
            (Some(0) | Some(1), _) if wish.is_some() && (tagged || reserved == Some(0)) => {
                Self::Restore(wish.flatten())
            }
            // A probe stands at 1 until it is over.
            (Some(0 | 1), Some(Some(Prior::Unreserved))) => Self::Restore(None),
            (Some(0 | 1), Some(Some(Prior::Reserved(before)))) => Self::Restore(Some(before)),
            (Some(0), Some(Some(Prior::Unknown) | None)) => Self::Unclear(Unclear::Unknown),
            (Some(0), None) => Self::Unclear(match &tags.altered {
                Some(error) => Unclear::Altered(error.to_string()),
                None => Unclear::NotTripped,
            }),
            _ if tagged => Self::Untag { cooldown: has_cooldown(tags) },
            _ => Self::Nothing,
        }
    }

    /// Whether anything is to be changed.
    pub(crate) const fn changes(&self) -> bool {
        matches!(self, Self::Restore(_) | Self::Untag { .. })
    }

    /// What it comes to, for a person who has not decided yet.
    pub(crate) fn describe(&self, reserved: Reserved) -> String {
        match self {
            Self::Restore(Some(to)) => {
                format!("sets its reserved concurrency to {to} and removes the tags of the trip")
            }
            Self::Restore(None) => "removes its reserved concurrency and the tags of the trip".to_owned(),
            Self::Untag { cooldown } => format!(
                "only removes the tags of the trip: {} since then {}",
                Set(reserved),
                if *cooldown {
                    "by its cooldown, or by something else"
                } else {
                    "by something else, a deployment perhaps"
                }
            ),
            Self::Nothing => "does nothing: the function is not at 0".to_owned(),
            Self::Unclear(why) => format!("refuses until you say what to restore: {why}"),
        }
    }
}

/// Whether the trip of these tags ends by itself.
pub(crate) fn has_cooldown(tags: &Tags) -> bool {
    tags.trip.as_ref().is_some_and(|trip| trip.resumes_at.is_some())
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTripped => f.write_str(
                "it is at 0, and not by hopguard; write --unreserved, or --concurrency N, if it is to run again",
            ),
            Self::Unknown => f.write_str(
                "the value before the trip is not in the tags, nor was it readable then; write --unreserved, or --concurrency N",
            ),
            Self::Altered(error) => {
                write!(f, "the tags were altered ({error}); write --unreserved, or --concurrency N")
            }
        }
    }
}

/// The sentence of a value that is restored.
pub(crate) struct Restored(pub(crate) Reserved);

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(reserved) => write!(f, "sets its reserved concurrency to {reserved}"),
            None => f.write_str("removes its reserved concurrency"),
        }
    }
}

struct Set(Reserved);

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(reserved) => write!(f, "its reserved concurrency was set to {reserved}"),
            None => f.write_str("its reserved concurrency was removed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use hopguard_aws::tags;

    use super::*;

    fn tags_of(prior: Option<&str>) -> Tags {
        let mut map = HashMap::from([
            (tags::TRIPPED_AT.to_owned(), "2026-11-24T03:00:00Z".to_owned()),
            (tags::CHAIN.to_owned(), "0".repeat(31) + "1"),
        ]);
        map.extend(prior.map(|prior| (tags::PRIOR.to_owned(), prior.to_owned())));
        Tags::of(&map)
    }

    #[test]
    fn what_is_restored() {
        let none = Tags::default();
        let cases: [(&str, Reserved, Tags, Option<Reserved>, Plan); 15] = [
            ("tripped", Some(0), tags_of(Some("7")), None, Plan::Restore(Some(7))),
            (
                "tripped, nothing was reserved",
                Some(0),
                tags_of(Some("unreserved")),
                None,
                Plan::Restore(None),
            ),
            ("the owner knows better", Some(0), tags_of(Some("7")), Some(Some(3)), Plan::Restore(Some(3))),
            ("the owner says none", Some(0), tags_of(Some("7")), Some(None), Plan::Restore(None)),
            ("a probe was interrupted", Some(1), tags_of(Some("unreserved")), None, Plan::Restore(None)),
            ("a probe of a function with 1", Some(1), tags_of(Some("1")), None, Plan::Restore(Some(1))),
            (
                "the value is unknown",
                Some(0),
                tags_of(Some("unknown")),
                None,
                Plan::Unclear(Unclear::Unknown),
            ),
            ("the value is gone", Some(0), tags_of(None), None, Plan::Unclear(Unclear::Unknown)),
            (
                "unknown, and the owner says",
                Some(0),
                tags_of(Some("unknown")),
                Some(Some(5)),
                Plan::Restore(Some(5)),
            ),
            ("throttled by hand", Some(0), none.clone(), None, Plan::Unclear(Unclear::NotTripped)),
            ("throttled by hand, and meant", Some(0), none.clone(), Some(None), Plan::Restore(None)),
            ("a deployment was first", Some(20), tags_of(Some("7")), None, Plan::Untag { cooldown: false }),
            ("a deployment removed it", None, tags_of(Some("7")), None, Plan::Untag { cooldown: false }),
            ("it runs", None, none.clone(), None, Plan::Nothing),
            ("one is reserved on purpose", Some(1), none, Some(None), Plan::Nothing),
        ];
        for (name, reserved, tags, wish, expected) in cases {
            assert_eq!(Plan::new(reserved, &tags, wish), expected, "{name}");
        }
    }

    #[test]
    fn altered_tags_are_refused_with_what_to_write() {
        let altered = tags_of(Some("seven"));
        let plan = Plan::new(Some(0), &altered, None);
        let text = plan.describe(Some(0));
        assert!(text.contains("seven") && text.contains("--concurrency N"), "{text}");
        assert_eq!(Plan::new(Some(9), &altered, None), Plan::Untag { cooldown: false });
    }
}
