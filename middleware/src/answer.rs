use serde::{Serialize, Serializer};
use serde_json::Value;

/// What a guarded handler answers: its own answer, or one that the guard had to make or complete.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer<B> {
    /// The handler's, untouched.
    Handler(B),
    /// With blocked records in `batchItemFailures`, or for an invocation whose records were all blocked.
    Guard(Value),
}

impl<B: Serialize> Serialize for Answer<B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Handler(answer) => answer.serialize(serializer),
            Self::Guard(answer) => answer.serialize(serializer),
        }
    }
}
