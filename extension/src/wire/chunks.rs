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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a body in pieces of these sizes, in turn: its data, and how many bytes were the body's.
    fn read(body: &[u8], sizes: &[usize]) -> Result<(Vec<u8>, usize, bool), Malformed> {
        let (mut chunks, mut data, mut taken) = (Chunks::new(), Vec::new(), 0);
        let mut sizes = sizes.iter().cycle();
        while taken < body.len() && !chunks.is_done() {
            let end = body.len().min(taken + sizes.next().unwrap());
            let new = chunks.advance(&body[taken..end], Some(&mut data))?;
            taken += new;
            assert!(taken == end || chunks.is_done(), "it stopped within a body");
        }
        Ok((data, taken, chunks.is_done()))
    }

    #[test]
    fn it_ends_where_its_last_line_ends() {
        let cases = [
            ("0\r\n\r\n", ""),
            ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
            ("00a;ext=\"x\"\r\n0123456789\r\n000\r\n\r\n", "0123456789"),
            (
                "A \t\r\n0123456789\r\n0\r\nA: b\r\nLambda-Runtime-Function-Error-Type: x\r\n\r\n",
                "0123456789",
            ),
        ];
        for (body, data) in cases {
            let more = format!("{body}GET / HTTP/1.1\r\n\r\n");
            for size in 1..=more.len() {
                let found = read(more.as_bytes(), &[size]).unwrap();
                assert_eq!(found, (data.as_bytes().to_vec(), body.len(), true), "{body:?} by {size}");
            }
            for cut in 0..body.len() {
                assert!(!read(&body.as_bytes()[..cut], &[7]).unwrap().2, "{body:?} has not ended at {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        let long = format!("1;{}\r\n", "x".repeat(Chunks::MOST_IDLE));
        let trailers = format!("0\r\n{}", "A: b\r\n".repeat(Chunks::MOST_IDLE / 6 + 1));
        let cases = [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            " 1\r\n",
            "1\n",
            "1\r\r",
            "1\r\nab",
            "1\r\na\n",
            "1\r\na\r\r",
            "0\r\n\n",
            "0\r\nA: b\n",
            "0\r\n\r\r",
            "1;\0\r\n",
            "10000000000000000\r\n",
            &long,
            &trailers,
        ];
        for body in cases {
            let shown: String = body.chars().take(40).collect();
            assert_eq!(read(body.as_bytes(), &[3]), Err(Malformed::Chunk), "{shown:?}");
        }
        assert!(read(b"ffffffffffffffff\r\nab", &[3]).is_ok(), "as long as it likes");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..100), size in 1_usize..9) {
            let _ = read(&body, &[size]);
        }

        #[test]
        fn however_it_is_cut_it_is_the_same(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            sizes in prop::collection::vec(1_usize..50, 1..8),
        ) {
            let mut body = Vec::new();
            for piece in &pieces {
                body.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                body.extend_from_slice(piece);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\nT: 1\r\n\r\n");
            let length = body.len();
            body.extend_from_slice(b"0\r\n\r\n");
            prop_assert_eq!(read(&body, &sizes), Ok((pieces.concat(), length, true)));
        }
    }
}
