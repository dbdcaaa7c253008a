use std::mem::MaybeUninit;
use std::ops::Range;

use bytes::Bytes;
use memchr::memchr_iter;

use super::Malformed;

/// A first line and headers, as they stood on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// All of it, the empty line included.
    bytes: Bytes,
    first: First,
    fields: Vec<Field>,
    /// HTTP/1.0, whose connections end with each answer where nobody says otherwise.
    old: bool,
}

#[derive(Clone, Debug)]
enum First {
    Request { method: Range<usize>, target: Range<usize> },
    Answer { status: u16 },
}

/// Where one header stands. A head has at most 64 KiB.
#[derive(Clone, Copy, Debug)]
struct Field {
    name: (u32, u32),
    value: (u32, u32),
}

impl Head {
    /// The longest that is read.
    pub(crate) const LONGEST: usize = 64 * 1024;
    const MOST_FIELDS: usize = 128;

    /// Reads the head of a request, which is all of these bytes.
    pub(crate) fn request(bytes: Bytes) -> Result<Self, Malformed> {
        let mut headers = [const { MaybeUninit::uninit() }; Self::MOST_FIELDS];
        let mut request = httparse::Request::new(&mut []);
        whole(request.parse_with_uninit_headers(&bytes, &mut headers), &bytes)?;
        let (method, target) = request.method.zip(request.path).ok_or(Malformed::Head)?;
        let first = First::Request {
            method: place(&bytes, method.as_bytes()),
            target: place(&bytes, target.as_bytes()),
        };
        let (old, fields) = (request.version == Some(0), fields(&bytes, request.headers));
        Ok(Self { first, fields, old, bytes })
    }

    /// Reads the head of an answer, which is all of these bytes.
    pub(crate) fn answer(bytes: Bytes) -> Result<Self, Malformed> {
        let mut headers = [const { MaybeUninit::uninit() }; Self::MOST_FIELDS];
        let mut answer = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut answer,
            &bytes,
            &mut headers,
        );
        whole(parsed, &bytes)?;
        let first = First::Answer { status: answer.code.ok_or(Malformed::Head)? };
        let (old, fields) = (answer.version == Some(0), fields(&bytes, answer.headers));
        Ok(Self { first, fields, old, bytes })
    }

    /// All of it as it was.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The method of a request; of an answer, nothing.
    pub(crate) fn method(&self) -> &str {
        match &self.first {
            First::Request { method, .. } => self.text_at(method.clone()),
            First::Answer { .. } => "",
        }
    }

    /// The path of a request, without its query; of an answer, nothing.
    pub(crate) fn path(&self) -> &str {
        let First::Request { target, .. } = &self.first else { return "" };
        let target = self.text_at(target.clone());
        let path = target.split('?').next().unwrap_or_default();
        // As a client writes that takes this for a proxy of its own.
        match path.strip_prefix("http://") {
            Some(absolute) => absolute.find('/').and_then(|path| absolute.get(path..)).unwrap_or("/"),
            None => path,
        }
    }

    /// The status of an answer; of a request, 0.
    pub(crate) const fn status(&self) -> u16 {
        match self.first {
            First::Request { .. } => 0,
            First::Answer { status } => status,
        }
    }

    /// Whether an answer is one before the real one.
    pub(crate) const fn is_interim(&self) -> bool {
        self.status() >= 100 && self.status() < 200
    }

    pub(crate) const fn is_success(&self) -> bool {
        self.status() >= 200 && self.status() < 300
    }

    /// Whether it is of HTTP/1.0.
    pub(super) const fn is_old(&self) -> bool {
        self.old
    }

    /// The values of all headers of this name.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named = self.fields.iter().filter(move |field| {
            let (start, end) = field.name;
            // Most names are told apart by their length.
            (end - start) as usize == name.len() && is_name(self.at(field.name), name.as_bytes())
        });
        named.map(|field| self.at(field.value))
    }

    /// The first header of this name, where it is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Whether its sender ends the connection after this message.
    pub(crate) fn closes(&self) -> bool {
        let says = |what: &[u8]| {
            let mut words = self.values("Connection").flat_map(|value| value.split(|byte| *byte == b','));
            words.any(|word| word.trim_ascii().eq_ignore_ascii_case(what))
        };
        says(b"close") || (self.old && !says(b"keep-alive"))
    }

    /// Whether the sender of a request waits to be told that its body is wanted.
    pub(crate) fn expects_invitation(&self) -> bool {
        !self.old && self.values("Expect").any(|value| value.eq_ignore_ascii_case(b"100-continue"))
    }

    /// The bytes with another first line, without some headers and with others: in the place of those that they replace, or at the end.
    /// Everything else stays as it was.
    pub(crate) fn rewritten(
        &self,
        first: Option<&str>,
        without: &[&str],
        with: &[(&str, &str)],
    ) -> Result<Vec<u8>, Malformed> {
        let clean = |text: &str| text.bytes().all(|byte| byte >= b' ' && byte != 0x7f);
        if !with.iter().map(|(_, value)| value).chain(first.as_ref()).all(|text| clean(text)) {
            return Err(Malformed::Head);
        }
        let added: usize = with.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let mut bytes = Vec::with_capacity(self.bytes.len() + added);
        let lines =
            self.fields.first().map_or(self.bytes.len().saturating_sub(2), |field| field.name.0 as usize);
        match first {
            Some(first) => line(&mut bytes, &[first.as_bytes()]),
            None => bytes.extend_from_slice(self.bytes.get(..lines).unwrap_or_default()),
        }
        let mut written = vec![false; with.len()];
        for field in &self.fields {
            let name = self.at(field.name);
            let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
            if without.iter().any(|name| is(name)) {
                continue;
            }
            let mut replaced = with.iter().zip(&mut written).filter(|((name, _), _)| is(name));
            match replaced.next() {
                Some(((_, value), written)) if !*written => {
                    line(&mut bytes, &[name, b": ", value.as_bytes()]);
                    *written = true;
                }
                Some(_) => {}
                None => line(&mut bytes, &[self.at((field.name.0, field.value.1))]),
            }
        }
        for ((name, value), _) in with.iter().zip(written).filter(|(_, written)| !written) {
            line(&mut bytes, &[name.as_bytes(), b": ", value.as_bytes()]);
        }
        line(&mut bytes, &[]);
        Ok(bytes)
    }

    fn at(&self, (start, end): (u32, u32)) -> &[u8] {
        self.bytes.get(start as usize..end as usize).unwrap_or_default()
    }

    fn text_at(&self, place: Range<usize>) -> &str {
        self.bytes.get(place).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// Whether two names of one length are the same. Most are written as their owner writes them, and most that are not the same differ in
/// their last letter.
fn is_name(name: &[u8], other: &[u8]) -> bool {
    name == other
        || (name.last().map(u8::to_ascii_lowercase) == other.last().map(u8::to_ascii_lowercase)
            && name.eq_ignore_ascii_case(other))
}

fn line(bytes: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes.extend_from_slice(b"\r\n");
}

/// That the head is all of these bytes, and that each of its lines ends as the specification has it: httparse takes a newline alone too,
/// where another reader may not.
fn whole(parsed: httparse::Result<usize>, bytes: &[u8]) -> Result<(), Malformed> {
    match parsed {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Malformed::TooLong),
        Ok(_) | Err(_) => return Err(Malformed::Head),
    }
    let after_return = |at: usize| at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'\r');
    if bytes.len() <= Head::LONGEST && memchr_iter(b'\n', bytes).all(after_return) {
        Ok(())
    } else {
        Err(Malformed::Head)
    }
}

/// Where a part of these bytes stands in them.
fn place(bytes: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(bytes.as_ptr().addr());
    start..start + part.len()
}

fn fields(bytes: &[u8], headers: &[httparse::Header<'_>]) -> Vec<Field> {
    let place = |part: &[u8]| {
        let place = place(bytes, part);
        (u32::try_from(place.start).unwrap_or(u32::MAX), u32::try_from(place.end).unwrap_or(u32::MAX))
    };
    headers
        .iter()
        .map(|header| {
            let name = place(header.name.as_bytes());
            // An empty value is nowhere.
            let value = if header.value.is_empty() { (name.1 + 1, name.1 + 1) } else { place(header.value) };
            Field { name, value }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(text: &str) -> Result<Head, Malformed> {
        Head::request(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn a_request_is_read_where_it_stands() {
        let head =
            request("POST /a/b?c=/d HTTP/1.1\r\nHost: x\r\nX-Odd:  kept \r\nEmpty:\r\nx-odd: again\r\n\r\n")
                .unwrap();
        assert_eq!((head.method(), head.path(), head.status()), ("POST", "/a/b", 0));
        assert_eq!(head.values("X-ODD").collect::<Vec<_>>(), [&b"kept"[..], b"again"]);
        assert_eq!((head.text("empty"), head.text("absent")), (Some(""), None));
        assert_eq!(request("GET http://127.0.0.1:9001/a HTTP/1.1\r\n\r\n").unwrap().path(), "/a");
        assert_eq!(request("GET http://127.0.0.1:9001 HTTP/1.1\r\n\r\n").unwrap().path(), "/");
    }

    #[test]
    fn what_two_readers_could_read_in_two_ways_is_refused() {
        let cases = [
            ("a newline alone", "GET / HTTP/1.1\r\nA: b\n\r\n"),
            ("a return alone", "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n"),
            ("a folded line", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"),
            ("a space before the colon", "GET / HTTP/1.1\r\nContent-Length : 5\r\n\r\n"),
            ("no name", "GET / HTTP/1.1\r\n: b\r\n\r\n"),
            ("a zero byte", "GET / HTTP/1.1\r\nA: \0\r\n\r\n"),
            ("another protocol", "GET / HTTP/2.0\r\n\r\n"),
            ("no target", "GET HTTP/1.1\r\n\r\n"),
            ("more than a head", "GET / HTTP/1.1\r\n\r\nx"),
            ("less than a head", "GET / HTTP/1.1\r\n"),
            ("nothing", ""),
        ];
        for (name, text) in cases {
            assert_eq!(request(text).unwrap_err(), Malformed::Head, "{name}");
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(129));
        assert_eq!(request(&many).unwrap_err(), Malformed::TooLong);
        assert!(request(&many.replacen("A: b\r\n", "", 1)).is_ok());
    }

    #[test]
    fn a_connection_ends_where_somebody_says_so() {
        let cases = [
            ("HTTP/1.1\r\n", false),
            ("HTTP/1.1\r\nConnection: close\r\n", true),
            ("HTTP/1.1\r\nconnection: x, Close\r\n", true),
            ("HTTP/1.1\r\nConnection: keep-alive\r\n", false),
            ("HTTP/1.0\r\n", true),
            ("HTTP/1.0\r\nConnection: Keep-Alive\r\n", false),
        ];
        for (text, closes) in cases {
            assert_eq!(request(&format!("GET / {text}\r\n")).unwrap().closes(), closes, "{text:?}");
        }
    }

    #[test]
    fn only_what_is_named_is_rewritten() {
        let head =
            request("POST /r HTTP/1.1\r\nHOST: x\r\nA:  b \r\nContent-LENGTH: 5\r\nc: d\r\n\r\n").unwrap();
        let text = |bytes: Result<Vec<u8>, Malformed>| bytes.map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(
            text(head.rewritten(None, &["a"], &[("content-length", "7"), ("New", "1")])).unwrap(),
            "POST /r HTTP/1.1\r\nHOST: x\r\nContent-LENGTH: 7\r\nc: d\r\nNew: 1\r\n\r\n"
        );
        assert_eq!(
            text(head.rewritten(Some("POST /e HTTP/1.1"), &["content-length", "c"], &[])).unwrap(),
            "POST /e HTTP/1.1\r\nHOST: x\r\nA:  b\r\n\r\n"
        );
        let bare = request("GET / HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(text(bare.rewritten(None, &[], &[])).unwrap(), "GET / HTTP/1.1\r\n\r\n");
        assert_eq!(text(bare.rewritten(None, &[], &[("A", "b\r\nC: d")])), Err(Malformed::Head));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for read in [Head::request, Head::answer] {
                if let Ok(head) = read(Bytes::copy_from_slice(&bytes)) {
                    let _ = (head.closes(), head.path().len(), head.rewritten(None, &["a"], &[("b", "c")]));
                }
            }
        }

        #[test]
        fn a_head_that_is_read_stays_what_it_was(
            names in prop::collection::vec("[A-Za-z-]{1,12}", 0..8),
            values in prop::collection::vec("[!-~]([ -~]{0,20}[!-~])?", 8),
        ) {
            let lines: String = names.iter().zip(&values).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let text = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
            let head = Head::answer(Bytes::copy_from_slice(text.as_bytes())).unwrap();
            prop_assert_eq!(head.rewritten(None, &[], &[]).unwrap(), text.into_bytes());
            for (name, value) in names.iter().zip(&values) {
                prop_assert!(head.values(name).any(|found| found == value.as_bytes()));
            }
        }
    }
}
