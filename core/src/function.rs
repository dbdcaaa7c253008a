use std::fmt;

use sha2::{Digest, Sha256};

use crate::hex;

/// Names a function in a token: the first 32 bits of the SHA-256 of its unqualified ARN.
///
/// Two functions of one path collide with a probability of about 1 in 4 billion; the effect would be a limit
/// that trips early, never one that is missed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FunctionId(u32);

impl FunctionId {
    /// The id of the function with this ARN; a version or alias at its end is left out, since reserved concurrency
    /// and loops concern the whole function.
    pub fn from_arn(arn: &str) -> Self {
        let digest = Sha256::digest(unqualified(arn).as_bytes());
        Self(digest.iter().take(4).fold(0, |bits, byte| bits << 8 | u32::from(*byte)))
    }

    /// The id with these 32 bits.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The 32 bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Reads exactly 8 lower-case hexadecimal digits.
    pub fn from_hex(digits: &[u8]) -> Option<Self> {
        digits.as_array().and_then(|digits| hex::decode_word(*digits)).map(Self)
    }
}

impl fmt::Display for FunctionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for FunctionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The ARN without a version or alias: `arn:aws:lambda:REGION:ACCOUNT:function:NAME`, seven fields.
/// A text that is no such ARN is returned whole.
pub fn unqualified(arn: &str) -> &str {
    match arn.match_indices(':').nth(6) {
        Some((at, _)) => arn.get(..at).unwrap_or(arn),
        None => arn,
    }
}

/// The function's name out of its ARN; a text that is no ARN is returned whole.
pub fn name(arn: &str) -> &str {
    arn.split(':').nth(6).unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:orders";

    #[test]
    fn an_alias_or_version_is_the_same_function() {
        let plain = FunctionId::from_arn(ARN);
        assert_eq!(FunctionId::from_arn(&format!("{ARN}:live")), plain);
        assert_eq!(FunctionId::from_arn(&format!("{ARN}:$LATEST")), plain);
        assert_ne!(FunctionId::from_arn("arn:aws:lambda:eu-central-1:123456789012:function:order"), plain);
        assert_eq!(FunctionId::from_hex(plain.to_string().as_bytes()), Some(plain));
    }

    #[test]
    fn names_and_odd_texts() {
        assert_eq!(name(&format!("{ARN}:live")), "orders");
        assert_eq!(name("orders"), "orders");
        assert_eq!(unqualified("No header found."), "No header found.");
        assert_eq!(unqualified(""), "");
    }
}
