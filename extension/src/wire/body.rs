use super::chunks::Chunks;
use super::{Head, Malformed};

/// What is left of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunks),
    /// Whatever comes until the connection ends.
    UntilClose,
}

impl Left {
    const NOTHING: Self = Self::Length(0);

    /// The body of a request.
    pub(crate) fn of_request(head: &Head) -> Result<Self, Malformed> {
        Ok(announced(head)?.unwrap_or(Self::NOTHING))
    }

    /// The body of an answer to a request of this method.
    pub(crate) fn of_answer(head: &Head, method: &str) -> Result<Self, Malformed> {
        let announced = announced(head)?;
        // Their headers tell of what another answer would have.
        if method == "HEAD" || head.is_interim() || matches!(head.status(), 204 | 304) {
            return Ok(Self::NOTHING);
        }
        Ok(announced.unwrap_or(Self::UntilClose))
    }

    /// Whether it has ended, as far as its bytes say.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.is_done(),
            Self::UntilClose => false,
        }
    }

    /// How many bytes are to come, where that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(*left),
            Self::Chunked(_) | Self::UntilClose => None,
        }
    }

    /// Goes on over these bytes, and says how many of them are the body's: fewer than all only where it ends. What the chunks of a body
    /// hold is added to `data`; of one without chunks, the bytes are the data.
    pub(crate) fn advance(&mut self, bytes: &[u8], data: Option<&mut Vec<u8>>) -> Result<usize, Malformed> {
        match self {
            Self::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= taken as u64;
                Ok(taken)
            }
            Self::Chunked(chunks) => chunks.advance(bytes, data),
            Self::UntilClose => Ok(bytes.len()),
        }
    }
}

/// What the headers say of a body. Two answers to that question are none: whoever reads the connection next might choose the other.
fn announced(head: &Head) -> Result<Option<Left>, Malformed> {
    let mut codings = head.values("Transfer-Encoding");
    let mut lengths = head.values("Content-Length").map(length);
    match (codings.next(), lengths.next()) {
        (None, None) => Ok(None),
        (None, Some(length)) => {
            let length = length?;
            if lengths.all(|other| other == Ok(length)) {
                Ok(Some(Left::Length(length)))
            } else {
                Err(Malformed::Ambiguous)
            }
        }
        (Some(coding), None) => {
            let chunked = coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
            if chunked && !head.is_old() {
                Ok(Some(Left::Chunked(Chunks::new())))
            } else {
                Err(Malformed::Ambiguous)
            }
        }
        (Some(_), Some(_)) => Err(Malformed::Ambiguous),
    }
}

fn length(text: &[u8]) -> Result<u64, Malformed> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).map_err(|_| Malformed::Ambiguous)?;
    if digits { text.parse().map_err(|_| Malformed::Ambiguous) } else { Err(Malformed::Ambiguous) }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn request(headers: &str) -> Result<Left, Malformed> {
        let text = format!("POST / HTTP/1.1\r\n{headers}\r\n");
        Left::of_request(&Head::request(Bytes::from(text)).unwrap())
    }

    fn answer(status: &str, headers: &str, method: &str) -> Result<Left, Malformed> {
        let text = format!("HTTP/1.1 {status}\r\n{headers}\r\n");
        Left::of_answer(&Head::answer(Bytes::from(text)).unwrap(), method)
    }

    #[test]
    fn of_a_request_the_headers_say_one_length_or_it_is_none() {
        const CHUNKED: Left = Left::Chunked(Chunks::new());
        let cases = [
            ("", Ok(Left::Length(0))),
            ("Content-Length: 5\r\n", Ok(Left::Length(5))),
            ("content-length: 5\r\nContent-Length: 5\r\n", Ok(Left::Length(5))),
            ("Transfer-Encoding: Chunked\r\n", Ok(CHUNKED)),
            ("Content-Length: 5\r\nContent-Length: 6\r\n", Err(Malformed::Ambiguous)),
            ("Content-Length: 5, 5\r\n", Err(Malformed::Ambiguous)),
            ("Content-Length: +5\r\n", Err(Malformed::Ambiguous)),
            ("Content-Length: -5\r\n", Err(Malformed::Ambiguous)),
            ("Content-Length:\r\n", Err(Malformed::Ambiguous)),
            ("Content-Length: 0x5\r\n", Err(Malformed::Ambiguous)),
            ("Content-Length: 99999999999999999999\r\n", Err(Malformed::Ambiguous)),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Err(Malformed::Ambiguous)),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Err(Malformed::Ambiguous)),
            ("Transfer-Encoding: gzip, chunked\r\n", Err(Malformed::Ambiguous)),
            ("Transfer-Encoding: chunked, identity\r\n", Err(Malformed::Ambiguous)),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Err(Malformed::Ambiguous)),
            ("Transfer-Encoding: xchunked\r\n", Err(Malformed::Ambiguous)),
        ];
        for (headers, expected) in cases {
            assert_eq!(request(headers), expected, "{headers:?}");
        }
        let old =
            Head::request(Bytes::from("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")).unwrap();
        assert_eq!(Left::of_request(&old), Err(Malformed::Ambiguous));
    }

    #[test]
    fn some_answers_have_no_body_whatever_they_say() {
        let cases = [
            ("200 OK", "Content-Length: 5\r\n", "GET", Ok(Left::Length(5))),
            ("200 OK", "", "GET", Ok(Left::UntilClose)),
            ("200 OK", "Content-Length: 5\r\n", "HEAD", Ok(Left::Length(0))),
            ("204 No Content", "", "GET", Ok(Left::Length(0))),
            ("304 Not Modified", "Content-Length: 5\r\n", "GET", Ok(Left::Length(0))),
            ("100 Continue", "", "POST", Ok(Left::Length(0))),
            (
                "200 OK",
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                "HEAD",
                Err(Malformed::Ambiguous),
            ),
        ];
        for (status, headers, method, expected) in cases {
            assert_eq!(answer(status, headers, method), expected, "{status} {headers:?} {method}");
        }
    }

    #[test]
    fn a_length_is_counted_down_to_the_next_message() {
        let mut left = Left::Length(5);
        assert_eq!((left.advance(b"abc", None), left.is_done()), (Ok(3), false));
        assert_eq!((left.advance(b"deGET", None), left.is_done()), (Ok(2), true));
        assert_eq!(left.advance(b"GET", None), Ok(0));
        let mut left = Left::UntilClose;
        assert_eq!((left.advance(b"abc", None), left.is_done()), (Ok(3), false));
    }
}
