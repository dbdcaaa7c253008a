//! The tags that a trip leaves on its function: who resumes the function reads them.
//!
//! | tag | value |
//! |---|---|
//! | `hopguard:prior-concurrency` | the reserved concurrency before the trip: a number, `unreserved`, or `unknown` |
//! | `hopguard:tripped-at` | when, in RFC 3339, UTC |
//! | `hopguard:chain` | the id of the chain that was blocked; `none` where a person tripped the function |
//! | `hopguard:reason` | the limit it went beyond, or that person's words |
//! | `hopguard:resumes-at` | when the reserved concurrency is restored by itself, in RFC 3339, UTC; only where there is a cooldown |

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use hopguard_core::breaker::Trip;
use hopguard_core::{ChainId, Reason};

/// The tag that holds the reserved concurrency before the trip.
pub const PRIOR: &str = "hopguard:prior-concurrency";
/// The tag that holds the time of the trip.
pub const TRIPPED_AT: &str = "hopguard:tripped-at";
/// The tag that holds the blocked chain's id.
pub const CHAIN: &str = "hopguard:chain";
/// The tag that holds the limit.
pub const REASON: &str = "hopguard:reason";
/// The tag that holds the time at which the trip ends by itself.
pub const RESUMES_AT: &str = "hopguard:resumes-at";
/// All tags of a trip.
pub const ALL: [&str; 5] = [PRIOR, TRIPPED_AT, CHAIN, REASON, RESUMES_AT];

/// What it holds where there is no chain.
const NO_CHAIN: &str = "none";
/// The longest value of a tag, in characters.
const VALUE_CHARS: usize = 256;

/// The reserved concurrency before a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prior {
    /// None was reserved: it is restored with DeleteFunctionConcurrency.
    Unreserved,
    /// So much was reserved, 1 or more: it is restored with PutFunctionConcurrency.
    Reserved(u32),
    /// It could not be read (`lambda:GetFunctionConcurrency` is missing).
    Unknown,
}

impl Prior {
    /// What Lambda says of a function that is not at 0.
    pub(crate) fn of(reserved: Option<u32>) -> Self {
        reserved.map_or(Self::Unreserved, Self::Reserved)
    }

    /// The number, where one was reserved.
    pub const fn reserved(self) -> Option<u32> {
        match self {
            Self::Reserved(reserved) => Some(reserved),
            Self::Unreserved | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Prior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreserved => f.write_str("unreserved"),
            Self::Reserved(reserved) => write!(f, "{reserved}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl FromStr for Prior {
    type Err = TagError;

    fn from_str(value: &str) -> Result<Self, TagError> {
        match value {
            "unreserved" => Ok(Self::Unreserved),
            "unknown" => Ok(Self::Unknown),
            _ => match value.parse::<u32>() {
                Ok(reserved) if reserved > 0 => Ok(Self::Reserved(reserved)),
                _ => Err(TagError::Prior { value: value.to_owned() }),
            },
        }
    }
}

/// What a trip is put down to, in its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The blocked chain; `None` where a person trips the function.
    pub chain: Option<ChainId>,
    /// The limit or a person's words, as far as a tag's alphabet goes.
    pub reason: String,
}

impl Cause {
    /// A person trips the function, for this reason.
    pub fn by_hand(reason: &str) -> Self {
        Self { chain: None, reason: value(&format!("by hand: {reason}")) }
    }
}

impl From<&Trip> for Cause {
    fn from(trip: &Trip) -> Self {
        Self { chain: Some(trip.block.chain), reason: reason_value(&trip.block.reason) }
    }
}

/// What the tags of a trip say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TripTags {
    /// The reserved concurrency before. `None` leaves a tag that may be there as it is.
    pub prior: Option<Prior>,
    /// When, to the second.
    pub tripped_at: SystemTime,
    /// What it is put down to.
    pub cause: Cause,
    /// When the reserved concurrency is restored by itself, to the second. What an earlier trip left is not read, nor what is no time:
    /// what to restore does not depend on it.
    pub resumes_at: Option<SystemTime>,
}

/// A tag does not hold what a trip writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagError {
    /// Not a number above 0 nor one of the two words.
    #[error("{PRIOR}={value:?} is no reserved concurrency; write a number above 0, or \"unreserved\"")]
    Prior {
        /// What stands there.
        value: String,
    },
    /// Not a time.
    #[error("{TRIPPED_AT}={value:?} is no time in RFC 3339")]
    TrippedAt {
        /// What stands there.
        value: String,
    },
    /// Not a chain id.
    #[error("{CHAIN}={value:?} is no chain id, 32 hexadecimal digits")]
    Chain {
        /// What stands there.
        value: String,
    },
}

impl TripTags {
    /// The tags of a trip that is made now.
    pub fn now(prior: Option<Prior>, cause: Cause) -> Self {
        Self { prior, tripped_at: SystemTime::now(), cause, resumes_at: None }
    }

    /// The tags as Lambda takes them.
    pub fn to_map(&self) -> HashMap<String, String> {
        let mut tags = HashMap::from([
            (TRIPPED_AT.to_owned(), to_rfc3339(self.tripped_at)),
            (
                CHAIN.to_owned(),
                self.cause.chain.map_or_else(|| NO_CHAIN.to_owned(), |chain| chain.to_string()),
            ),
            (REASON.to_owned(), self.cause.reason.clone()),
        ]);
        if let Some(prior) = self.prior {
            tags.insert(PRIOR.to_owned(), prior.to_string());
        }
        if let Some(at) = self.resumes_at {
            tags.insert(RESUMES_AT.to_owned(), to_rfc3339(at));
        }
        tags
    }

    /// Reads the tags of a function; `None` where it has none of a trip.
    ///
    /// # Errors
    /// [`TagError`] where one of them was altered.
    pub fn from_map(tags: &HashMap<String, String>) -> Result<Option<Self>, TagError> {
        let (Some(time), Some(chain)) = (tags.get(TRIPPED_AT), tags.get(CHAIN)) else {
            return Ok(None);
        };
        let tripped_at = from_rfc3339(time).ok_or_else(|| TagError::TrippedAt { value: time.clone() })?;
        let resumes_at = tags.get(RESUMES_AT).and_then(|time| from_rfc3339(time));
        Ok(Some(Self {
            prior: tags.get(PRIOR).map(|prior| prior.parse()).transpose()?,
            tripped_at,
            cause: Cause {
                chain: match chain.as_str() {
                    NO_CHAIN => None,
                    id => Some(id.parse().map_err(|_| TagError::Chain { value: chain.clone() })?),
                },
                reason: tags.get(REASON).cloned().unwrap_or_default(),
            },
            resumes_at: resumes_at.filter(|at| *at > tripped_at),
        }))
    }
}

/// A time to the second, in UTC.
pub(crate) fn to_rfc3339(time: SystemTime) -> String {
    DateTime::from_secs(DateTime::from(time).secs()).fmt(Format::DateTime).unwrap_or_default()
}

fn from_rfc3339(text: &str) -> Option<SystemTime> {
    SystemTime::try_from(DateTime::from_str(text, Format::DateTime).ok()?).ok()
}

/// A reason as the value of a tag or of a message attribute: its name and its words, as far as a tag's alphabet goes (letters,
/// digits, white space and `+ - = . _ : / @`).
pub(crate) fn reason_value(reason: &Reason) -> String {
    value(&format!("{}: {reason}", reason.name()))
}

fn value(text: &str) -> String {
    let legal = |character: &char| character.is_alphanumeric() || " +-=._:/@".contains(*character);
    text.chars().filter(legal).take(VALUE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hopguard_core::breaker::Block;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let chain = ChainId::new(0xabc).unwrap();
        let reason = Reason::Visits { visits: 6, limit: 5 };
        let cause = Cause::from(&Trip { block: Block { chain, hop: 5, reason } });
        assert_eq!(cause.reason, "visits: visit 6 of 5 allowed on one path");
        let by_hand = Cause::by_hand("\"too\" costly");
        assert_eq!(by_hand, Cause { chain: None, reason: "by hand: too costly".to_owned() });
        for (prior, cause, cooldown) in [
            (Some(Prior::Unreserved), cause.clone(), Some(60)),
            (Some(Prior::Reserved(7)), cause.clone(), None),
            (Some(Prior::Unknown), by_hand, None),
            (None, cause, Some(86_400)),
        ] {
            let tripped_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
            let resumes_at = cooldown.map(|seconds| tripped_at + Duration::from_secs(seconds));
            let tags = TripTags { prior, tripped_at, cause, resumes_at };
            let map = tags.to_map();
            assert_eq!(map.get(TRIPPED_AT).map(String::as_str), Some("2023-11-14T22:13:20Z"));
            assert_eq!(TripTags::from_map(&map), Ok(Some(tags)));
        }
        assert_eq!(TripTags::from_map(&HashMap::from([("team".to_owned(), "a".to_owned())])), Ok(None));
    }

    #[test]
    fn the_end_of_an_earlier_trip_is_none_of_this_one() {
        let chain = "0".repeat(31) + "1";
        let resumes_at = |at: &str| {
            let tags = [(TRIPPED_AT, "2023-11-14T22:13:20Z"), (CHAIN, &chain), (RESUMES_AT, at)];
            let tags = tags.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            TripTags::from_map(&tags).unwrap().unwrap().resumes_at.map(to_rfc3339)
        };
        assert_eq!(resumes_at("2023-11-14T22:43:20Z").as_deref(), Some("2023-11-14T22:43:20Z"));
        assert_eq!(resumes_at("2023-11-14T22:13:20Z"), None);
        assert_eq!(resumes_at("tomorrow"), None);
    }

    #[test]
    fn altered_tags_are_named() {
        for value in ["0", "-1", "", "none", "4294967296", "+"] {
            let error = value.parse::<Prior>().unwrap_err();
            assert!(error.to_string().contains("hopguard:prior-concurrency"), "{error}");
        }
        let tags = |time: &str, chain: &str| {
            HashMap::from([(TRIPPED_AT.into(), time.into()), (CHAIN.into(), chain.into())])
        };
        let chain = "0".repeat(31) + "1";
        assert!(matches!(TripTags::from_map(&tags("yesterday", &chain)), Err(TagError::TrippedAt { .. })));
        assert!(matches!(
            TripTags::from_map(&tags("2023-11-14T22:13:20Z", "x")),
            Err(TagError::Chain { .. })
        ));
    }

    #[test]
    fn every_reason_fits_a_tag() {
        let reasons =
            [Reason::Hops { hop: 101, limit: 100 }, Reason::BranchCredit, Reason::AwsLineage { seen: 3 }];
        for value in reasons.map(|reason| reason_value(&reason)) {
            assert!(value.len() <= VALUE_CHARS && !value.contains([',', '\'', '"', '(']), "{value}");
        }
    }
}
