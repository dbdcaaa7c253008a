use memchr::memchr2;

/// Bytes of an escaped string that are looked at together.
const BLOCK: usize = 64;

/// Bytes of any string that are looked at a word at a time before `memchr` takes over: most strings end within them.
const NEAR: usize = 64;
const WORD: usize = 8;

/// Every byte of a word 1, and every byte's highest bit.
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The index of the quote that ends a string whose content begins at `start`, and whether there is no backslash before it;
/// `None` where there is none.
#[inline(always)]
pub(super) fn string_end(bytes: &[u8], start: usize) -> Option<(usize, bool)> {
    let rest = bytes.get(start..)?;
    let at = start + first_special(rest)?;
    if bytes.get(at) == Some(&b'"') {
        Some((at, true))
    } else {
        far_end(bytes, start, at).map(|at| (at, false))
    }
}

/// The index of the first quote or backslash.
#[inline]
fn first_special(text: &[u8]) -> Option<usize> {
    let Some(near) = text.first_chunk::<NEAR>() else { return memchr2(b'"', b'\\', text) };
    let mut at = 0;
    for word in near.as_chunks::<WORD>().0 {
        let word = u64::from_le_bytes(*word);
        let found = matches(word, b'"') | matches(word, b'\\');
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += WORD;
    }
    Some(NEAR + memchr2(b'"', b'\\', text.get(NEAR..)?)?)
}

/// The index of the first `byte` in a word.
#[inline]
pub(super) fn first_in(word: [u8; WORD], byte: u8) -> Option<usize> {
    let found = matches(u64::from_le_bytes(word), byte);
    (found != 0).then(|| (found.trailing_zeros() / 8) as usize)
}

/// The highest bit of every byte of `word` that equals `byte`; only the lowest of these bits is exact
/// (Hacker's Delight, 6-1).
#[inline]
fn matches(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * u64::from(byte));
    difference.wrapping_sub(ONES) & !difference & HIGHS
}

/// The quote that ends a string with escapes, none of it before `at`.
///
/// In escaped JSON every few bytes is a quote, so that `memchr` would stop all the time. What is searched for
/// instead, a block at a time, is a quote that may be a real one: no single backslash stands before it.
#[inline(never)]
fn far_end(bytes: &[u8], start: usize, mut at: usize) -> Option<usize> {
    // A block is looked at with the bytes before it; a run of backslashes never reaches beyond the opening quote.
    let mut rest = at.checked_sub(BEFORE).and_then(|from| bytes.get(from..)).unwrap_or_default();
    while let Some(window) = rest.first_chunk() {
        if may_end(window) && is_likely_to_end(window) {
            let found = real_quote(bytes, start, at, at + BLOCK);
            if found.is_some() {
                return found;
            }
        }
        at += BLOCK;
        rest = rest.get(BLOCK..)?;
    }
    real_quote(bytes, start, at, bytes.len())
}

/// The first quote from `at` to before `end` that is not escaped.
fn real_quote(bytes: &[u8], start: usize, mut at: usize, end: usize) -> Option<usize> {
    let mut rest = bytes.get(at..end)?;
    while let Some((word, after)) = rest.split_first_chunk() {
        let mut found = matches(u64::from_le_bytes(*word), b'"');
        while found != 0 {
            let quote = at + (found.trailing_zeros() / 8) as usize;
            if bytes.get(quote) == Some(&b'"') && !is_escaped(bytes, start, quote) {
                return Some(quote);
            }
            found &= found - 1;
        }
        rest = after;
        at += WORD;
    }
    (at..end).find(|quote| bytes.get(*quote) == Some(&b'"') && !is_escaped(bytes, start, *quote))
}

/// A block and the bytes before it.
type Window = [u8; BEFORE + BLOCK];
const BEFORE: usize = 4;

/// Whether the block has a quote with no backslash before it, or with two of them.
///
/// Without branches, so that the compiler makes vector instructions of it.
#[inline]
fn may_end(window: &Window) -> bool {
    let [_, _, _, _, block @ ..] = window;
    let [_, _, _, one_before @ .., _] = window;
    let [_, _, two_before @ .., _, _] = window;
    let mut found = 0;
    for ((byte, one), two) in block.iter().zip(one_before).zip(two_before) {
        found |= u8::from(*byte == b'"') & (u8::from(*one != b'\\') | u8::from(*two == b'\\'));
    }
    found != 0
}

/// The same, with an even number of backslashes up to two, or with four of them: in JSON that holds escaped JSON there are
/// three before every quote.
fn is_likely_to_end(window: &Window) -> bool {
    let [_, _, _, _, block @ ..] = window;
    let [_, _, _, one_before @ .., _] = window;
    let [_, _, two_before @ .., _, _] = window;
    let [_, three_before @ .., _, _, _] = window;
    let [four_before @ .., _, _, _, _] = window;
    let before = one_before.iter().zip(two_before).zip(three_before).zip(four_before);
    let mut found = 0;
    for (byte, (((one, two), three), four)) in block.iter().zip(before) {
        let is_backslash = |byte: &u8| u8::from(*byte == b'\\');
        let is_even =
            (1 ^ is_backslash(one)) | is_backslash(two) & ((1 ^ is_backslash(three)) | is_backslash(four));
        found |= u8::from(*byte == b'"') & is_even;
    }
    found != 0
}

/// Whether an odd number of backslashes stands before `at`, none of them before `start`.
///
/// Runs between two quotes do not overlap, so that a string is looked at twice at most.
#[inline]
fn is_escaped(bytes: &[u8], start: usize, at: usize) -> bool {
    let mut before = bytes.get(start..at).unwrap_or_default();
    let mut escaped = false;
    while let [rest @ .., b'\\'] = before {
        before = rest;
        escaped = !escaped;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_quote_that_is_not_escaped() {
        let long = format!("{}\" tail", "x".repeat(200));
        let escaped = format!("{}\" tail", r#"\"key\":"#.repeat(50));
        let backslashes = format!("{}\" tail", r"\\".repeat(100));
        let cases: [(&str, Option<usize>); 10] = [
            ("\"", Some(0)),
            ("abc\"", Some(3)),
            (r#"a\"b"c"#, Some(4)),
            (r#"a\\"b"#, Some(3)),
            (r#"a\\\"b"c"#, Some(6)),
            (r#"a\""#, None),
            ("", None),
            (&long, Some(200)),
            (&escaped, Some(400)),
            (&backslashes, Some(200)),
        ];
        for (text, expected) in cases {
            assert_eq!(string_end(text.as_bytes(), 0).map(|(at, _)| at), expected, "{text}");
        }
        assert_eq!(string_end(b"abc", 9), None);
        assert_eq!(string_end(br#"a short one" and more"#, 0), Some((11, true)));
    }

    proptest! {
        #[test]
        fn agrees_with_the_plain_loop(
            lead in 0..4usize, near in "[a\\\\]{0,80}", middle in proptest::collection::vec("[a]{0,30}|[\\\\]{1,7}\"|[\\\\]{2}", 0..40), tail in "[\\\\\"ab]{0,80}",
        ) {
            let text = format!("{}\"{near}{}{tail}", " ".repeat(lead), middle.concat());
            let (bytes, start) = (text.as_bytes(), lead + 1);
            let (mut at, mut expected) = (start, None);
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'"' => { expected = Some(at); break; }
                    b'\\' => at += 2,
                    _ => at += 1,
                }
            }
            let found = string_end(bytes, start);
            prop_assert_eq!(found.map(|(at, _)| at), expected);
            if let Some((at, plain)) = found {
                prop_assert_eq!(plain, !bytes[start..at].contains(&b'\\'));
            }
        }
    }
}
