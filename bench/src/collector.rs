//! A collector that takes everything.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context as _, Result};

use crate::http::Connection;

#[derive(Debug)]
pub(crate) struct Collector {
    address: SocketAddr,
    requests: Arc<AtomicU64>,
}

impl Collector {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port")?;
        let (address, requests) = (listener.local_addr()?, Arc::<AtomicU64>::default());
        let counted = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                thread::spawn(move || -> Result<()> {
                    let mut connection = Connection::new(stream)?;
                    while connection.read()? {
                        counted.fetch_add(1, Ordering::Relaxed);
                        connection
                            .write("HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n", b"")?;
                    }
                    Ok(())
                });
            }
        });
        Ok(Self { address, requests })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many exports it has taken.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}
