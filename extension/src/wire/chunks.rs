use super::Malformed;

/// Where a reader stands in a body that comes in chunks (RFC 9112, section 7.1). It looks at bytes as they come and keeps none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunks {
    at: Place,
    /// Of what is no data, since the last data: sizes with their extensions, and trailers.
    idle: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a size; `digits` of it were there.
    Size {
        value: u64,
        digits: u8,
    },
    /// Behind a size, in what may follow it.
    Extension {
        value: u64,
    },
    /// At the newline of a size.
    SizeEnd {
        value: u64,
    },
    Data {
        left: u64,
    },
    /// Behind the data.
    DataReturn,
    DataEnd,
    /// At the start of a trailer, or of the last line.
    Trailer,
    /// In a trailer.
    TrailerLine,
    /// At the newline of a trailer.
    TrailerEnd,
    /// At the newline of the last line.
    LastEnd,
    Done,
}

impl Chunks {
    /// What may stand between two pieces of data, and behind the last.
    const MOST_IDLE: usize = 16 * 1024;

    pub(crate) const fn new() -> Self {
        Self { at: Place::Size { value: 0, digits: 0 }, idle: 0 }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at == Place::Done
    }

    /// Goes on over these bytes, and says how many of them are the body's: all of them, unless it ends. Its data is added to `data`.
    pub(crate) fn advance(
        &mut self,
        bytes: &[u8],
        mut data: Option<&mut Vec<u8>>,
    ) -> Result<usize, Malformed> {
        let mut rest = bytes;
        loop {
            if let Place::Data { left } = &mut self.at {
                let most = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                let (piece, behind) = rest.split_at_checked(most).unwrap_or((rest, &[]));
                if let Some(data) = &mut data {
                    data.extend_from_slice(piece);
                }
                *left -= piece.len() as u64;
                rest = behind;
                self.idle = 0;
                if *left == 0 {
                    self.at = Place::DataReturn;
                }
            }
            if self.is_done() {
                break;
            }
            let Some((byte, behind)) = rest.split_first() else { break };
            self.at = self.at.after(*byte)?;
            self.idle += 1;
            if self.idle > Self::MOST_IDLE {
                return Err(Malformed::Chunk);
            }
            rest = behind;
        }
        Ok(bytes.len() - rest.len())
    }
}

impl Place {
    /// Where the reader stands after a byte that is no data.
    fn after(self, byte: u8) -> Result<Self, Malformed> {
        Ok(match (self, byte) {
            (Self::Size { value, digits }, _) if byte.is_ascii_hexdigit() && digits < 16 => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Self::Size { value: (value << 4) | u64::from(digit), digits: digits + 1 }
            }
            (Self::Size { digits: 0, .. }, _) => return Err(Malformed::Chunk),
            (Self::Size { value, .. }, b';' | b' ' | b'\t') => Self::Extension { value },
            (Self::Size { value, .. } | Self::Extension { value }, b'\r') => Self::SizeEnd { value },
            (Self::Extension { value }, _) if is_text(byte) => Self::Extension { value },
            (Self::SizeEnd { value: 0 }, b'\n') => Self::Trailer,
            (Self::SizeEnd { value: left }, b'\n') => Self::Data { left },
            (Self::DataReturn, b'\r') => Self::DataEnd,
            (Self::DataEnd, b'\n') => Self::Size { value: 0, digits: 0 },
            (Self::Trailer, b'\r') => Self::LastEnd,
            (Self::TrailerLine, b'\r') => Self::TrailerEnd,
            (Self::Trailer | Self::TrailerLine, _) if is_text(byte) => Self::TrailerLine,
            (Self::TrailerEnd, b'\n') => Self::Trailer,
            (Self::LastEnd, b'\n') => Self::Done,
            _ => return Err(Malformed::Chunk),
        })
    }
}

/// Whether a byte may stand in a line.
const fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}
