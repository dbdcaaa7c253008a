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
        let text = text.trim().as_bytes();
        let mut fields = text.split(|byte| *byte == b'-');
        let version = hex::decode_u64(fields.next()?, 2)?;
        let trace = ChainId::from_hex(fields.next()?)?;
        let span = hex::decode_u64(fields.next()?, 16).filter(|span| *span != 0)?;
        let flags = hex::decode_u64(fields.next()?, 2)?;
        let whole = version != 0 || fields.next().is_none();
        (version != 0xff && whole).then_some(Self { trace, span, flags: u8::try_from(flags).ok()? })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; Self::CHARS];
        let mut slots = text.iter_mut();
        let mut push = |byte: u8| {
            if let Some(slot) = slots.next() {
                *slot = byte;
            }
        };
        push(b'0');
        push(b'0');
        push(b'-');
        hex::encode(self.trace.bits(), 32, &mut push);
        push(b'-');
        hex::encode(self.span.into(), 16, &mut push);
        push(b'-');
        hex::encode(self.flags.into(), 2, &mut push);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
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
        ];
        for (name, text) in wrong {
            assert_eq!(TraceParent::parse(&text), None, "{name}");
        }
    }
}
