use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::hex;

/// The id of a chain: 128 bits, never zero, the W3C trace id of the root event.
///
/// A chain is all invocations that descend from one root event.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId(u128);

impl ChainId {
    /// The chain with these 128 bits; `None` for zero, which W3C Trace Context forbids as a trace id.
    pub const fn new(bits: u128) -> Option<Self> {
        if bits == 0 { None } else { Some(Self(bits)) }
    }

    /// A chain id derived from what names a root event (a message id, a request id): the same on every delivery of
    /// that event, so that a redelivered root is not a new chain.
    pub fn derived(domain: &str, name: &[u8]) -> Self {
        let digest =
            Sha256::new().chain_update(domain.as_bytes()).chain_update([0]).chain_update(name).finalize();
        let bits = digest.iter().take(16).fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
        Self(bits.max(1))
    }

    /// The 128 bits.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// Reads exactly 32 lower-case hexadecimal digits.
    pub fn from_hex(digits: &[u8]) -> Option<Self> {
        if digits.len() != 32 {
            return None;
        }
        hex::decode_u128(digits).and_then(Self::new)
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 32 lower-case hexadecimal digits, or all of them are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chain id is 32 lower-case hexadecimal digits, not all zero")]
pub struct InvalidChainId;

impl FromStr for ChainId {
    type Err = InvalidChainId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_hex(text.as_bytes()).ok_or(InvalidChainId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_32_digits() {
        let chain: ChainId = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
        assert_eq!(chain.to_string(), "0af7651916cd43dd8448eb211c80319c");
        for wrong in [
            "",
            "0",
            "0AF7651916CD43DD8448EB211C80319C",
            "00000000000000000000000000000000",
            "0af7651916cd43dd8448eb211c80319c0",
        ] {
            assert_eq!(wrong.parse::<ChainId>(), Err(InvalidChainId), "{wrong}");
        }
    }

    #[test]
    fn derived_ids_are_stable_and_separate_by_domain() {
        assert_eq!(ChainId::derived("sqs", b"m-1"), ChainId::derived("sqs", b"m-1"));
        assert_ne!(ChainId::derived("sqs", b"m-1"), ChainId::derived("sns", b"m-1"));
        assert_ne!(ChainId::derived("sqs", b"m-1"), ChainId::derived("sqs", b"m-2"));
    }
}
