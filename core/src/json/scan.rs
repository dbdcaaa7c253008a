use memchr::memchr;

/// Bytes that are looked at in words of eight before `memchr` takes over: most strings in an event end within them, and
/// in escaped JSON the next quote is nearer than a call of `memchr` is worth.
const NEAR: usize = 4;

/// Every byte of a word 1, and every byte's highest bit.
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The index of the quote that ends a string whose content begins at `start`; `None` where there is none.
pub(super) fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut from = start;
    loop {
        let quote = next_quote(bytes, from)?;
        if !is_escaped(bytes, start, quote) {
            return Some(quote);
        }
        from = quote + 1;
    }
}

#[inline]
fn next_quote(bytes: &[u8], mut from: usize) -> Option<usize> {
    let mut rest = bytes.get(from..)?;
    for _ in 0..NEAR {
        let Some((word, after)) = rest.split_first_chunk() else { break };
        // The lowest set bit is exact; bits above it may be wrong (Hacker's Delight, 6-1).
        let equal = u64::from_le_bytes(*word) ^ (ONES * b'"' as u64);
        let found = equal.wrapping_sub(ONES) & !equal & HIGHS;
        if found != 0 {
            return Some(from + (found.trailing_zeros() / 8) as usize);
        }
        rest = after;
        from += 8;
    }
    memchr(b'"', rest).map(|at| from + at)
}

/// Whether an odd number of backslashes stands before `at`, none of them before `start`.
///
/// Runs between two quotes do not overlap, so that a string is looked at twice at most.
#[inline]
fn is_escaped(bytes: &[u8], start: usize, at: usize) -> bool {
    let before = bytes.get(start..at).unwrap_or_default();
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_quote_that_is_not_escaped() {
        let long = format!("{}\" tail", "x".repeat(100));
        let cases: [(&str, Option<usize>); 8] = [
            ("\"", Some(0)),
            ("abc\"", Some(3)),
            (r#"a\"b"c"#, Some(4)),
            (r#"a\\"b"#, Some(3)),
            (r#"a\\\"b"c"#, Some(6)),
            (r#"a\""#, None),
            ("", None),
            (&long, Some(100)),
        ];
        for (text, expected) in cases {
            assert_eq!(string_end(text.as_bytes(), 0), expected, "{text}");
        }
        assert_eq!(string_end(b"abc", 9), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_plain_loop(text in "[\\\\\"ab]{0,80}", start in 0..4usize) {
            let bytes = text.as_bytes();
            let (mut at, mut expected) = (start, None);
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'"' => { expected = Some(at); break; }
                    b'\\' => at += 2,
                    _ => at += 1,
                }
            }
            prop_assert_eq!(string_end(bytes, start), expected);
        }
    }
}
