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
            (end - start) as usize == name.len() && self.at(field.name).eq_ignore_ascii_case(name.as_bytes())
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
            let mut words = self.values("connection").flat_map(|value| value.split(|byte| *byte == b','));
            words.any(|word| word.trim_ascii().eq_ignore_ascii_case(what))
        };
        says(b"close") || (self.old && !says(b"keep-alive"))
    }

    /// Whether the sender of a request waits to be told that its body is wanted.
    pub(crate) fn expects_invitation(&self) -> bool {
        !self.old && self.values("expect").any(|value| value.eq_ignore_ascii_case(b"100-continue"))
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
