use std::fmt;

use crate::chain::ChainId;
use crate::hex;

/// A W3C `traceparent`: trace id, parent span id and flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace id.
    pub trace: ChainId,
    /// The sender's span id, never zero.
    pub span: u64,
    /// The flags; bit 0 is "sampled".
    pub flags: u8,
}

impl TraceParent {
    /// Characters of version 00.
    pub const CHARS: usize = 55;

    /// Reads a header of version 00, or of a later version as the specification asks: its first four fields.
    pub fn parse(text: &str) -> Option<Self> {
        Self::read(text.as_bytes())
    }

    /// The same, of a text that may be none.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let (version, rest) = field::<2>(text.trim_ascii())?;
        let (trace, rest) = field::<32>(rest.strip_prefix(b"-")?)?;
        let (span, rest) = field::<16>(rest.strip_prefix(b"-")?)?;
        let (flags, rest) = field::<2>(rest.strip_prefix(b"-")?)?;
        let whole = if version == 0 { rest.is_empty() } else { matches!(rest, [] | [b'-', ..]) };
        if version == 0xff || span == 0 || !whole {
            return None;
        }
        Some(Self {
            trace: ChainId::new(trace)?,
            span: u64::try_from(span).ok()?,
            flags: u8::try_from(flags).ok()?,
        })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut text, mut at) = ([0; Self::CHARS], 0);
        let mut push = |part: &[u8]| {
            if let Some(room) = text.get_mut(at..at + part.len()) {
                room.copy_from_slice(part);
                at += part.len();
            }
        };
        push(b"00-");
        hex::words(self.trace.bits()).iter().for_each(|word| push(word));
        push(b"-");
        push(&hex::word((self.span >> 32) as u32));
        push(&hex::word(self.span as u32));
        push(b"-");
        let [.., high, low] = hex::word(self.flags.into());
        push(&[high, low]);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// The number that the first `N` digits are, and what follows them.
#[inline]
fn field<const N: usize>(text: &[u8]) -> Option<(u128, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<N>()?;
    Some((hex::decode_u128(digits)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_specification_allows() {
        let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(TraceParent::parse(valid).unwrap().to_string(), valid);
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-holds";
        assert_eq!(TraceParent::parse(later).unwrap().to_string(), valid);
        let wrong = [
            ("empty", String::new()),
            ("version ff", valid.replacen("00", "ff", 1)),
            ("zero trace", valid.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32))),
            ("zero span", valid.replace("b7ad6b7169203331", &"0".repeat(16))),
            ("upper case", valid.to_uppercase()),
            ("too long for version 00", format!("{valid}-x")),
            ("cut off", valid.chars().take(54).collect()),
            ("longer flags", format!("{valid}1")),
            ("longer flags in a later version", format!("cc{}1-x", valid.trim_start_matches("00"))),
            ("no dash", valid.replacen('-', "0", 1)),
        ];
        for (name, text) in wrong {
            assert_eq!(TraceParent::parse(&text), None, "{name}");
        }
    }
}
