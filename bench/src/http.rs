//! As much of HTTP/1.1 as the programs here speak: messages with a `Content-Length`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result, bail};

/// One connection, with the last message that came over it. Its memory is used again, so that a body of 6 MB is not paid for
/// with fresh pages each time.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    head: String,
    body: Vec<u8>,
    length: usize,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        let stream = BufReader::with_capacity(64 * 1024, stream);
        Ok(Self { stream, head: String::new(), body: Vec::new(), length: 0 })
    }

    pub(crate) fn to(address: SocketAddr) -> Result<Self> {
        Self::new(TcpStream::connect(address).with_context(|| format!("no connection to {address}"))?)
    }

    /// Reads the next message; `false` at the end of the connection.
    pub(crate) fn read(&mut self) -> Result<bool> {
        self.head.clear();
        while !self.head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut self.head)? == 0 {
                return Ok(false);
            }
        }
        if self.header("transfer-encoding").is_some() {
            bail!("a message without a length: {}", self.head);
        }
        self.length = self.header("content-length").map_or(Ok(0), str::parse).context("no length")?;
        if self.body.len() < self.length {
            self.body.resize(self.length, 0);
        }
        self.stream.read_exact(self.body.get_mut(..self.length).unwrap_or_default())?;
        Ok(true)
    }

    /// Writes a message in one piece: its first line and headers without the length, each with its line's end.
    pub(crate) fn write(&mut self, head: &str, body: &[u8]) -> Result<()> {
        write(self.stream.get_ref(), head, body)
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, head: &str, body: &[u8]) -> Result<&[u8]> {
        self.write(head, body)?;
        if !self.read()? {
            bail!("no answer to {head}");
        }
        if !self.head.starts_with("HTTP/1.1 20") {
            bail!("{head} is answered: {}", self.head);
        }
        Ok(self.body())
    }

    /// The first line.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.body.get(..self.length).unwrap_or_default()
    }

    pub(crate) fn stream(&self) -> Result<TcpStream> {
        Ok(self.stream.get_ref().try_clone()?)
    }
}

/// Writes a message to a stream.
pub(crate) fn write(mut stream: &TcpStream, head: &str, body: &[u8]) -> Result<()> {
    let mut message = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    if body.len() > 64 * 1024 {
        // Not copied once more.
        stream.write_all(&message)?;
        stream.write_all(body)?;
    } else {
        message.extend_from_slice(body);
        stream.write_all(&message)?;
    }
    Ok(())
}
