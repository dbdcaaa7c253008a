//! What a layer's extension is told, where there is one: its wrapper does not reach functions on `provided` runtimes.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use hopguard_core::{Counter, Counters};
use serde::Serialize;

/// Where the extension says where it listens.
pub(crate) const ADDRESSES: &str = "/tmp/hopguard/addresses";
/// The largest report.
const MAX_BYTES: usize = 8_192;

/// Sends reports, as the layer's protocol says. Nobody waits for one, and one that is lost is lost.
pub(crate) struct Reports {
    socket: UdpSocket,
    lost: AtomicU64,
    /// What was counted when it was reported last.
    counted: Mutex<Vec<(Counter, u64)>>,
}

/// One report.
#[derive(Default, Serialize)]
pub(crate) struct Report<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<Call<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) invocation: Option<Invocation<'r>>,
    /// One that has begun: its end may never be told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) begun: Option<Invocation<'r>>,
    /// What was counted since the report before, by flat names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) counts: BTreeMap<String, u64>,
}

#[derive(Serialize)]
pub(crate) struct Call<'r> {
    pub(crate) invocation: Option<&'r str>,
    pub(crate) trace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<String>,
    pub(crate) span: String,
    pub(crate) service: &'r str,
    pub(crate) operation: &'r str,
    pub(crate) start_ns: String,
    pub(crate) end_ns: String,
    pub(crate) attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<&'r str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'r str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) after: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tries: Vec<Try<'r>>,
    /// A tracing SDK in the function makes its span.
    pub(crate) traced: bool,
}

#[derive(Serialize)]
pub(crate) struct Try<'r> {
    pub(crate) start_ns: String,
    pub(crate) end_ns: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'r str>,
}

#[derive(Serialize)]
pub(crate) struct Invocation<'r> {
    pub(crate) id: &'r str,
    pub(crate) arn: &'r str,
    pub(crate) source: &'r str,
    /// Its lineage.
    pub(crate) token: String,
    /// Its own span, as a `traceparent`.
    pub(crate) own: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sender: Option<String>,
    /// The spans that sent its records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) senders: Vec<String>,
    pub(crate) records: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<&'r str>,
    pub(crate) start_ns: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end_ns: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) busy_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) init_ns: Option<u64>,
    /// The type of the error that it failed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'r str>,
    /// A tracing SDK in the function makes its span.
    pub(crate) traced: bool,
}

impl Reports {
    /// Reports to the extension that has written its addresses here; `None` where there is none.
    pub(crate) fn find(addresses: &Path) -> Option<Self> {
        Self::to(announced(addresses, "reports")?)
    }

    /// Reports to this address.
    pub(crate) fn to(address: SocketAddr) -> Option<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        socket.set_nonblocking(true).ok()?;
        socket.connect(address).ok()?;
        Some(Self { socket, lost: AtomicU64::new(0), counted: Mutex::default() })
    }

    /// Sends one, or counts it as lost.
    pub(crate) fn send(&self, report: &Report<'_>) {
        let sent = serde_json::to_vec(report)
            .is_ok_and(|json| json.len() <= MAX_BYTES && self.socket.send(&json).is_ok());
        if !sent && self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::debug!(target: "hopguard", "report to the layer lost");
        }
    }

    /// What was counted since it was asked last.
    pub(crate) fn gained(&self, counters: &Counters) -> BTreeMap<String, u64> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let now = counters.snapshot();
        let before =
            |counter| counted.iter().find(|(known, _)| *known == counter).map_or(0, |(_, value)| *value);
        let gained = now.iter().map(|(counter, value)| (*counter, value.saturating_sub(before(*counter))));
        let gained = gained.filter(|(_, gain)| *gain > 0);
        let gained = gained.map(|(counter, gain)| (counter.flat_name().into_owned(), gain)).collect();
        *counted = now;
        gained
    }
}

/// Where a part of the layer listens, as the extension has written it there.
pub(crate) fn announced(addresses: &Path, part: &str) -> Option<SocketAddr> {
    let text = std::fs::read_to_string(addresses).ok()?;
    text.lines().find_map(|line| line.strip_prefix(part)?.strip_prefix(' '))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_says_where_it_listens() {
        let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
        let file = std::env::temp_dir().join(format!("hopguard-addresses-of-{}", std::process::id()));
        std::fs::write(&file, format!("proxy 127.0.0.1:1\nreports {}\n", listener.local_addr().unwrap()))
            .unwrap();
        let reports = Reports::find(&file).unwrap();
        let counters = Counters::default();
        counters.add(Counter::Blocked, 2);
        for expected in [r#"{"counts":{"hopguard.records.block":2}}"#, "{}"] {
            reports.send(&Report { counts: reports.gained(&counters), ..Report::default() });
            let mut datagram = [0; 1_024];
            let length = listener.recv(&mut datagram).unwrap();
            assert_eq!(std::str::from_utf8(&datagram[..length]).unwrap(), expected);
        }
        for text in ["", "proxy 127.0.0.1:1\n", "reports nowhere\n"] {
            std::fs::write(&file, text).unwrap();
            assert!(Reports::find(&file).is_none(), "{text}");
        }
        std::fs::remove_file(&file).unwrap();
        assert!(Reports::find(&file).is_none());
        let large = (0..1_000).map(|nth| (format!("count number {nth}"), 1)).collect();
        reports.send(&Report { counts: large, ..Report::default() });
        assert_eq!(reports.lost.load(Ordering::Relaxed), 1);
    }
}
