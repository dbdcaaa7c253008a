//! Lower-case hexadecimal, strictly: what a token or a `traceparent` may hold and nothing else.

/// The eight digits of a word, the most significant first: all at once, a digit in each byte.
#[inline]
pub(crate) fn word(bits: u32) -> [u8; 8] {
    let mut nibbles = u64::from(bits);
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles << 4) & LOWS;
    // A nibble above 9 carries into the upper half of its byte, and stands among the letters.
    let letters = ((nibbles + 6 * ONES) >> 4) & ONES;
    (nibbles + ONES * u64::from(b'0') + letters * u64::from(b'a' - b'9' - 1)).to_be_bytes()
}

/// The 32 digits of an id, as four words.
#[inline]
pub(crate) fn words(bits: u128) -> [[u8; 8]; 4] {
    [96, 64, 32, 0].map(|shift| word((bits >> shift) as u32))
}

/// The value of up to 32 lower-case digits; `None` for an empty text, more digits, or any other byte.
#[inline]
pub(crate) fn decode_u128(digits: &[u8]) -> Option<u128> {
    if digits.is_empty() || digits.len() > 32 {
        return None;
    }
    let (first, words) = digits.as_rchunks();
    let mut bits = 0u128;
    for digit in first {
        bits = bits << 4 | u128::from(nibble(*digit)?);
    }
    for word in words {
        bits = bits << 32 | u128::from(decode_word(*word)?);
    }
    Some(bits)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Every byte of a word 1, and every byte's lower half.
const ONES: u64 = 0x0101_0101_0101_0101;
const LOWS: u64 = 0x0f0f_0f0f_0f0f_0f0f;

/// The value of eight digits, which are looked at together: a token has 32 of them in its chain and 8 in each function.
#[inline]
pub(crate) fn decode_word(digits: [u8; 8]) -> Option<u32> {
    let text = u64::from_be_bytes(digits);
    // A letter has bit 6, and its lower half counts from 1.
    let letters = text >> 6 & ONES;
    let values = (text & LOWS) + letters * 9;
    // Nothing but a digit comes out as it went in.
    let above_nine = (values + ONES * 6) >> 4 & ONES;
    let written = values + ONES * u64::from(b'0') + above_nine * u64::from(b'a' - b'9' - 1);
    if written != text || values & !LOWS != 0 {
        return None;
    }
    let bytes = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
    let pairs = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    u32::try_from((pairs | pairs >> 16) & 0xffff_ffff).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_is_a_digit_or_refused() {
        for byte in 0..=u8::MAX {
            for at in 0..9 {
                let mut digits = *b"90af3c5e7";
                digits[at] = byte;
                let is_digit = matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                let expected = is_digit
                    .then(|| u128::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                assert_eq!(decode_u128(&digits), expected, "{byte:#x} at {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bits: u128, count in 1..=32u32) {
            let bits = bits >> (128 - 4 * count);
            let written = words(bits).concat();
            prop_assert_eq!(decode_u128(&written[32 - count as usize..]), Some(bits));
        }

        #[test]
        fn what_is_written_is_what_the_standard_library_writes(bits: u128) {
            let written = words(bits).concat();
            prop_assert_eq!(std::str::from_utf8(&written).unwrap(), format!("{bits:032x}"));
            prop_assert_eq!(decode_u128(&written), Some(bits));
        }
    }
}
