use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Bytes of HMAC-SHA256 that a token carries: 96 bits, 16 characters of base64url.
pub(crate) const MAC_BYTES: usize = 12;
/// Characters of a MAC in a token.
pub(crate) const MAC_CHARS: usize = 16;
/// The shortest key that is accepted, in bytes (RFC 2104 discourages keys shorter than the hash; 16 is the least that
/// withstands guessing).
pub const MIN_KEY_BYTES: usize = 16;

/// The keys that sign and verify tokens. The first signs; each verifies, so that a key can be replaced while
/// messages signed with the previous one are still on their way.
#[derive(Clone)]
pub struct SigningKeys {
    current: Hmac<Sha256>,
    previous: Vec<Hmac<Sha256>>,
}

/// A signing key is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing key has {bytes} bytes; it needs at least {MIN_KEY_BYTES}")]
pub struct ShortKey {
    /// The length found.
    pub bytes: usize,
}

impl SigningKeys {
    /// Reads one key, or several separated by commas, the current one first; white space around a key is left out.
    ///
    /// # Errors
    /// [`ShortKey`] where one has fewer than [`MIN_KEY_BYTES`] bytes.
    pub fn parse(text: &str) -> Result<Self, ShortKey> {
        let mut keys = text.split(',').map(str::trim).map(Self::key);
        let current = keys.next().unwrap_or(Err(ShortKey { bytes: 0 }))?;
        Ok(Self { current, previous: keys.collect::<Result<_, _>>()? })
    }

    fn key(text: &str) -> Result<Hmac<Sha256>, ShortKey> {
        let short = ShortKey { bytes: text.len() };
        if text.len() < MIN_KEY_BYTES {
            return Err(short);
        }
        Hmac::new_from_slice(text.as_bytes()).map_err(|_| short)
    }

    /// The MAC of a token's text, as characters.
    pub(crate) fn sign(&self, text: &[u8]) -> [u8; MAC_CHARS] {
        let mac = self.current.clone().chain_update(text).finalize().into_bytes();
        let mut chars = [0; MAC_CHARS];
        // 12 bytes always fill 16 characters; a failure would leave a MAC that nobody accepts.
        let _ = URL_SAFE_NO_PAD.encode_slice(mac.get(..MAC_BYTES).unwrap_or_default(), &mut chars);
        chars
    }

    /// Whether `chars` is the MAC of `text` under one of the keys; in constant time per key.
    pub(crate) fn verify(&self, text: &[u8], chars: &[u8]) -> bool {
        let mut mac = [0; MAC_BYTES];
        if chars.len() != MAC_CHARS || URL_SAFE_NO_PAD.decode_slice(chars, &mut mac) != Ok(MAC_BYTES) {
            return false;
        }
        std::iter::once(&self.current)
            .chain(&self.previous)
            .any(|key| key.clone().chain_update(text).verify_truncated_left(&mac).is_ok())
    }
}

impl fmt::Debug for SigningKeys {
    /// Never shows a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeys").field("keys", &(1 + self.previous.len())).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_key_still_verifies() {
        let old = SigningKeys::parse("the-old-key-of-2025").unwrap();
        let both = SigningKeys::parse("the-new-key-of-2026, the-old-key-of-2025").unwrap();
        let mac = old.sign(b"token");
        assert!(both.verify(b"token", &mac) && old.verify(b"token", &mac));
        assert!(!both.verify(b"tokem", &mac));
        assert!(!old.verify(b"token", &both.sign(b"token")));
        assert!(!old.verify(b"token", b"short") && !old.verify(b"token", b"****************"));
    }

    #[test]
    fn short_keys_are_refused_and_no_key_is_shown() {
        assert_eq!(SigningKeys::parse("").unwrap_err(), ShortKey { bytes: 0 });
        assert_eq!(SigningKeys::parse("0123456789abcdef,short").unwrap_err(), ShortKey { bytes: 5 });
        assert!(!format!("{:?}", SigningKeys::parse("0123456789abcdef").unwrap()).contains("0123"));
    }
}
