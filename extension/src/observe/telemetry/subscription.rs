use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tracing::{debug, warn};

use crate::lifecycle::IDENTIFIER;
use crate::observe::observer::Observer;
use crate::proxy::Upstream;

/// The only host that the Telemetry API delivers to.
const HOST: &str = "sandbox.localdomain";
/// What a subscription may take of the initialisation.
const LIMIT: Duration = Duration::from_secs(1);

impl Observer {
    /// Subscribes to what the platform tells, which Lambda allows during initialisation only. `port` is that of the listener, `id` names
    /// the registered extension. Where there is no Telemetry API the layer goes without.
    pub(in crate::observe) async fn subscribe_at(&self, api: &Upstream, id: &str, port: u16) {
        match tokio::time::timeout(LIMIT, ask(api, id, port, self.0.managed)).await {
            Ok(Ok(200)) => self.0.subscribed.store(true, Ordering::Relaxed),
            // AWS's emulator says 202 and sends nothing.
            Ok(Ok(status @ 200..300)) => {
                debug!(target: "hopguard", status, "Telemetry API not supported here");
            }
            Ok(Ok(status)) => warn!(target: "hopguard", status, "Telemetry API refuses the subscription"),
            Ok(Err(error)) => {
                warn!(target: "hopguard", error = format!("{error:#}"), "Telemetry API not reached");
            }
            Err(_) => warn!(target: "hopguard", "Telemetry API does not answer"),
        }
    }
}

async fn ask(api: &Upstream, id: &str, port: u16, managed: bool) -> Result<u16> {
    let subscription = json!({
        // The newer one is the only one on Lambda Managed Instances; the older one is known wherever there is a Telemetry API.
        "schemaVersion": if managed { "2025-01-29" } else { "2022-12-13" },
        // Not "extension": what this process logs would come back to it.
        "types": ["platform"],
        // The least memory that may be asked for.
        "buffering": { "maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 100 },
        "destination": { "protocol": "HTTP", "URI": format!("http://{HOST}:{port}") },
    });
    let headers = [("Content-Type", "application/json"), (IDENTIFIER, id)];
    let (head, _) =
        api.ask("PUT /2022-07-01/telemetry", &headers, subscription.to_string().as_bytes()).await?;
    Ok(head.status())
}

/// Where to listen: the address that `sandbox.localdomain` has in this environment, where that is inside of it, else the loopback
/// interface. Only `/etc/hosts` is asked: a DNS server could take seconds, and could name any host.
pub(in crate::observe) fn own_address(hosts: &str) -> IpAddr {
    let names = hosts.lines().filter_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let address = words.next()?.parse::<IpAddr>().ok()?;
        words.any(|name| name == HOST).then_some(address)
    });
    let inside = |address: &IpAddr| match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback(),
    };
    let mut inside = names.filter(inside);
    inside.next().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listener_is_never_open_to_others() {
        let cases = [
            ("", "127.0.0.1"),
            ("127.0.0.1 localhost\n127.0.0.1 sandbox.localdomain sandbox\n", "127.0.0.1"),
            ("169.254.76.1\tsandbox.localdomain", "169.254.76.1"),
            ("# 127.0.0.9 sandbox.localdomain", "127.0.0.1"),
            ("10.0.0.7 sandbox.localdomain", "127.0.0.1"),
            ("0.0.0.0 sandbox.localdomain", "127.0.0.1"),
            ("::1 sandbox.localdomain", "::1"),
            ("127.0.0.9 my-sandbox.localdomain", "127.0.0.1"),
            ("nonsense sandbox.localdomain", "127.0.0.1"),
        ];
        for (hosts, expected) in cases {
            assert_eq!(own_address(hosts).to_string(), expected, "{hosts}");
        }
    }
}
