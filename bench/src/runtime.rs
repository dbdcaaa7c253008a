//! The function's runtime: it asks for an event, may ask for lineage, and answers.

use std::net::SocketAddr;

use anyhow::{Result, ensure};

use crate::http::Connection;

#[derive(Debug)]
pub(crate) struct Runtime {
    connection: Connection,
}

impl Runtime {
    /// A runtime in front of a proxy, or of Lambda itself.
    pub(crate) fn new(api: SocketAddr) -> Result<Self> {
        Ok(Self { connection: Connection::to(api)? })
    }

    /// Asks for the next event, and does not wait for it.
    pub(crate) fn ask(&mut self) -> Result<()> {
        self.connection.write("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"")
    }

    /// Reads the event.
    pub(crate) fn event(&mut self) -> Result<&[u8]> {
        ensure!(self.connection.read()?, "no event");
        ensure!(self.connection.line().contains(" 200 "), "{}", self.connection.line());
        Ok(self.connection.body())
    }

    /// Answers.
    pub(crate) fn respond(&mut self, id: &str) -> Result<()> {
        let head = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        );
        self.connection.ask(&head, b"{\"ok\":true}").map(drop)
    }
}
