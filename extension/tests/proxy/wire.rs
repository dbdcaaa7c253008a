use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One HTTP message as it was on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// The first line and the headers, without the empty line.
    pub(crate) head: String,
    /// The body as sent: chunks, if any, with their sizes and trailers.
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// A request or a response with these lines and a body, whose length is added.
    pub(crate) fn new(lines: &[&str], body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let mut head = lines.join("\r\n");
        if !head.to_ascii_lowercase().contains("transfer-encoding") {
            head.push_str(&format!("\r\nContent-Length: {}", body.len()));
        }
        Self { head, body }
    }

    pub(crate) fn request_line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The value of a header, its name compared exactly.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .skip(1)
            .find_map(|line| line.split_once(": ").filter(|(known, _)| *known == name))
            .map(|(_, value)| value)
    }

    /// The headers as lines, sorted.
    pub(crate) fn headers(&self) -> Vec<&str> {
        let mut lines: Vec<_> = self.head.lines().skip(1).collect();
        lines.sort_unstable();
        lines
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The body without its chunks' sizes.
    pub(crate) fn text(&self) -> Vec<u8> {
        if !self.is_chunked() {
            return self.body.clone();
        }
        let (mut rest, mut text) = (&self.body[..], Vec::new());
        loop {
            let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
            if size == 0 {
                return text;
            }
            text.extend_from_slice(&rest[end + 2..end + 2 + size]);
            rest = &rest[end + 4 + size..];
        }
    }

    fn is_chunked(&self) -> bool {
        self.head.to_ascii_lowercase().contains("transfer-encoding: chunked")
    }

    pub(crate) async fn write(&self, stream: &mut TcpStream) {
        let mut bytes = format!("{}\r\n\r\n", self.head).into_bytes();
        bytes.extend_from_slice(&self.body);
        stream.write_all(&bytes).await.unwrap();
    }

    /// Reads one message; `None` where the connection ended before it.
    pub(crate) async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if more(stream, &mut bytes).await == 0 {
                return None;
            }
        };
        let mut body = bytes.split_off(end + 4);
        bytes.truncate(end);
        let mut message = Self { head: String::from_utf8(bytes).unwrap(), body: Vec::new() };
        let length = message.head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
        });
        while match length {
            Some(length) => body.len() < length,
            None if message.is_chunked() => !ends(&body),
            None => false,
        } {
            if more(stream, &mut body).await == 0 {
                break;
            }
        }
        message.body = body;
        Some(message)
    }
}

/// Whether a chunked body is whole: the last chunk, and trailers up to an empty line.
fn ends(body: &[u8]) -> bool {
    body.ends_with(b"\r\n\r\n")
        && (body.starts_with(b"0\r\n") || body.windows(5).any(|five| five == b"\r\n0\r\n"))
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> usize {
    let mut buffer = vec![0; 64 * 1024];
    let read = stream.read(&mut buffer).await.unwrap_or(0);
    bytes.extend_from_slice(&buffer[..read]);
    read
}
