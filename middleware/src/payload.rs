use bytes::Bytes;
use lambda_runtime::Diagnostic;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error;

/// An event's JSON, as Lambda sent it.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    /// Its bytes, which nobody has looked at.
    Bytes(Bytes),
    /// JSON that `lambda_runtime` has checked.
    Checked(Box<RawValue>),
}

impl Payload {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Checked(json) => json.get().as_bytes(),
        }
    }

    /// Reads the event as a handler's type. Where that fails it is read once more, to say at which place: the path to it is not
    /// worth its allocations to an event that is good.
    ///
    /// What stands behind the event's value is not looked at, as `lambda_runtime` does not.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        match self {
            Self::Bytes(bytes) => parse(|| serde_json::Deserializer::from_slice(bytes)),
            Self::Checked(json) => parse(|| serde_json::Deserializer::from_str(json.get())),
        }
    }
}

fn parse<'e, T, R>(event: impl Fn() -> serde_json::Deserializer<R>) -> Result<T, Diagnostic>
where
    T: DeserializeOwned,
    R: serde_json::de::Read<'e>,
{
    T::deserialize(&mut event())
        .or_else(|_| serde_path_to_error::deserialize(&mut event()).map_err(|error| error::payload(&error)))
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}
