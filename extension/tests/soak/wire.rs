use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// One connection, with the last message that came over it.
pub(crate) struct Wire {
    stream: BufReader<TcpStream>,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        Self { stream: BufReader::new(stream), head: String::new(), body: Vec::new() }
    }

    pub(crate) fn write(&mut self, head: &str, body: &str) {
        let message = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.stream.get_mut().write_all(message.as_bytes()).unwrap();
    }

    /// Reads one message, and returns its first line.
    pub(crate) fn read(&mut self) -> &str {
        self.head.clear();
        let mut length = 0;
        loop {
            let start = self.head.len();
            assert!(self.stream.read_line(&mut self.head).unwrap() > 0, "the connection ended");
            let Some((name, value)) = self.head[start..].split_once(':') else {
                if start > 0 {
                    break;
                }
                continue;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).unwrap();
        self.head.lines().next().unwrap()
    }
}
