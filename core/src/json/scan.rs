/// Bytes that are looked at one by one before blocks take over: most strings in an event end within them.
const NEAR: usize = 32;
/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// The index of the quote that ends a string whose content begins at `start`; `None` where there is none.
///
/// In escaped JSON every few bytes is a quote, so that a search for quotes would stop all the time. What is searched for
/// instead, a block at a time, is a quote that may be a real one: no single backslash stands before it.
pub(super) fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut escaped = false;
    let mut at = start;
    let near = bytes.get(start..)?;
    for byte in near.iter().take(NEAR) {
        match byte {
            b'"' if !escaped => return Some(at),
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
        at += 1;
    }
    loop {
        // Blocks overlap by the two bytes that stand before each; the near ones are long past `start` already.
        let window = bytes.get(at.checked_sub(2)?..)?;
        let Some((window, _)) = window.split_first_chunk::<{ BLOCK + 2 }>() else { break };
        if may_end(window) {
            let block = bytes.get(at..at + BLOCK)?;
            for (nth, byte) in block.iter().enumerate() {
                if *byte == b'"' && !is_escaped(bytes, start, at + nth) {
                    return Some(at + nth);
                }
            }
        }
        at += BLOCK;
    }
    let rest = bytes.get(at..)?;
    let nth = (0..).zip(rest).find(|(nth, byte)| **byte == b'"' && !is_escaped(bytes, start, at + nth))?.0;
    Some(at + nth)
}

/// Whether one of the last [`BLOCK`] bytes is a quote with no backslash before it, or with two of them.
///
/// Without branches, so that the compiler makes vector instructions of it.
#[inline]
fn may_end(window: &[u8; BLOCK + 2]) -> bool {
    let [_, _, block @ ..] = window;
    let [_, before @ .., _] = window;
    let [two_before @ .., _, _] = window;
    let mut found = 0;
    for ((byte, before), two_before) in block.iter().zip(before).zip(two_before) {
        found |= u8::from(*byte == b'"') & (u8::from(*before != b'\\') | u8::from(*two_before == b'\\'));
    }
    found != 0
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
            assert_eq!(string_end(text.as_bytes(), 0), expected, "{text}");
        }
        assert_eq!(string_end(b"abc", 9), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_plain_loop(
            lead in 0..4usize, near in "[a\\\\]{0,80}", middle in proptest::collection::vec("[a]{0,30}|[\\\\]{1,4}\"|[\\\\]{2}", 0..40), tail in "[\\\\\"ab]{0,80}",
        ) {
            let text = format!("{near}{}{tail}", middle.concat());
            let (bytes, start) = (text.as_bytes(), lead);
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
