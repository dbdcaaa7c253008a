use std::borrow::Cow;

use memchr::memchr;

use super::scan;

/// A JSON string as it stands in the text, between its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'j> {
    raw: &'j [u8],
    /// There is no escape in it.
    is_plain: bool,
}

impl<'j> Text<'j> {
    pub(crate) const fn new(raw: &'j [u8], is_plain: bool) -> Self {
        Self { raw, is_plain }
    }

    /// The bytes between the quotes, escapes and all.
    pub(crate) const fn raw(&self) -> &'j [u8] {
        self.raw
    }

    /// The bytes meant; borrowed where there is no escape. A broken escape leaves the raw bytes, which then equal no name.
    #[inline]
    pub(crate) fn name(&self) -> Cow<'j, [u8]> {
        self.bytes().unwrap_or(Cow::Borrowed(self.raw))
    }

    /// Whether this text is meant.
    pub(crate) fn is(&self, text: &str) -> bool {
        *self.name() == *text.as_bytes()
    }

    /// The bytes meant; borrowed where there is no escape, `None` where an escape is broken.
    #[inline]
    pub(crate) fn bytes(&self) -> Option<Cow<'j, [u8]>> {
        if self.is_plain { Some(Cow::Borrowed(self.raw)) } else { self.unescaped().map(Cow::Owned) }
    }

    fn unescaped(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.raw.len());
        self.unescape_into(&mut bytes)?;
        Some(bytes)
    }

    /// The text meant; borrowed where there is no escape, `None` where it is no UTF-8 or an escape is broken.
    #[inline]
    pub(crate) fn text(&self) -> Option<Cow<'j, str>> {
        match self.bytes()? {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        }
    }

    /// Appends the bytes meant. `None` where an escape is broken; half a surrogate pair becomes U+FFFD.
    pub(crate) fn unescape_into(&self, bytes: &mut Vec<u8>) -> Option<()> {
        let mut rest = self.raw;
        loop {
            let escape = rest.get(copy_plain(rest, bytes)..)?;
            if escape.is_empty() {
                return Some(());
            }
            let (escape, after) = escape.split_at_checked(2)?;
            rest = after;
            bytes.push(match escape.last()? {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'b' => 0x08,
                b'f' => 0x0c,
                b'u' => {
                    let (character, after) = unicode(rest)?;
                    rest = after;
                    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    continue;
                }
                same @ (b'"' | b'\\' | b'/') => *same,
                _ => return None,
            });
        }
    }
}

/// Bytes that are copied a word at a time before `memchr` takes over: in escaped JSON every few bytes is an escape.
const NEAR: usize = 64;

/// Appends what stands before the first backslash, and says how much that is.
#[inline]
fn copy_plain(text: &[u8], bytes: &mut Vec<u8>) -> usize {
    let mut len = 0;
    for word in text.get(..NEAR).unwrap_or(text).as_chunks().0 {
        bytes.extend_from_slice(word);
        if let Some(at) = scan::first_in(*word, b'\\') {
            bytes.truncate(bytes.len() - word.len() + at);
            return len + at;
        }
        len += word.len();
    }
    let rest = text.get(len..).unwrap_or_default();
    let plain = memchr(b'\\', rest).and_then(|at| rest.get(..at)).unwrap_or(rest);
    bytes.extend_from_slice(plain);
    len + plain.len()
}

/// Reads what follows `\u`, a surrogate pair included.
fn unicode(text: &[u8]) -> Option<(char, &[u8])> {
    let (first, rest) = unit(text)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, rest));
    }
    let second = rest.strip_prefix(b"\\u").and_then(unit);
    if let (0xd800..=0xdbff, Some((low @ 0xdc00..=0xdfff, rest))) = (first, second) {
        let character = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
        return Some((char::from_u32(character)?, rest));
    }
    Some((char::REPLACEMENT_CHARACTER, rest))
}

fn unit(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<4>()?;
    let value =
        digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))?;
    Some((value, rest))
}

/// Appends `text` as the content of a JSON string.
pub(crate) fn escape_into(text: &str, bytes: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => bytes.extend_from_slice(&[b'\\', byte]),
            0..0x20 => bytes.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => bytes.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(raw: &[u8]) -> Text<'_> {
        Text::new(raw, !raw.contains(&b'\\'))
    }

    #[test]
    fn unescapes_as_the_specification_says() {
        let cases = [
            ("plain", Some("plain")),
            (r#"a\"b\\c\/d\n\t\r\b\f"#, Some("a\"b\\c/d\n\t\r\u{8}\u{c}")),
            (r"\u0041\u00e9\u20AC", Some("Aé€")),
            (r"\ud83d\ude00", Some("😀")),
            (r"\ud83dx", Some("\u{fffd}x")),
            (r"\ude00", Some("\u{fffd}")),
            (r"\ud83d\u0041", Some("\u{fffd}A")),
            (r"\u00e", None),
            (r"\u00gg", None),
            (r"\x", None),
            ("\\", None),
        ];
        for (raw, expected) in cases {
            assert_eq!(text(raw.as_bytes()).text().as_deref(), expected, "{raw}");
        }
        assert_eq!(text(b"\xff").text(), None, "no UTF-8");
        assert!(matches!(text(b"x").text(), Some(Cow::Borrowed("x"))));
    }

    #[test]
    fn names_are_compared_decoded() {
        assert!(text(br"hop\u0067uard").is("hopguard"));
        assert!(!text(br"hop\guard").is("hopguard"));
        assert!(text(br"hop\guard").is(r"hop\guard"), "a broken escape equals itself alone");
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_back(given: String) {
            let written = serde_json::to_vec(&given).unwrap();
            let read = text(&written[1..written.len() - 1]).text();
            prop_assert_eq!(read.as_deref(), Some(&*given));
            let mut ours = vec![b'"'];
            escape_into(&given, &mut ours);
            ours.push(b'"');
            prop_assert_eq!(serde_json::from_slice::<String>(&ours).unwrap(), given);
        }

        #[test]
        fn no_bytes_panic(raw: Vec<u8>) {
            let _ = (text(&raw).text(), text(&raw).name());
        }
    }
}
