//! Lower-case hexadecimal, strictly: what a token or a `traceparent` may hold and nothing else.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends `count` hexadecimal digits of `bits`, the most significant first.
pub(crate) fn encode(bits: u128, count: u32, mut push: impl FnMut(u8)) {
    for place in (0..count).rev() {
        let nibble = (bits >> (4 * place)) & 0xf;
        push(DIGITS.get(nibble as usize).copied().unwrap_or(b'0'));
    }
}

/// The value of up to 32 lower-case digits; `None` for an empty text, more digits, or any other byte.
pub(crate) fn decode_u128(digits: &[u8]) -> Option<u128> {
    if digits.is_empty() || digits.len() > 32 {
        return None;
    }
    let mut bits = 0u128;
    for digit in digits {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        bits = bits << 4 | u128::from(nibble);
    }
    Some(bits)
}

/// The value of exactly `count` lower-case digits, `count` at most 16.
pub(crate) fn decode_u64(digits: &[u8], count: usize) -> Option<u64> {
    if digits.len() != count || count > 16 {
        return None;
    }
    decode_u128(digits).and_then(|bits| u64::try_from(bits).ok())
}
