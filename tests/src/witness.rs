//! Counting what really ran.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::{Instant, timeout, timeout_at},
};

/// A loopback listener that functions tell of each handler run, one JSON line each.
///
/// It counts more surely than the cloud does: a line is here as soon as it is written, whether or not the invocation
/// ends, is retried, or its log is kept.
#[derive(Debug)]
pub struct Witness {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: AbortHandle,
}

/// One line, and when it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// The time since the witness started.
    pub at: Duration,
    /// What the function wrote.
    pub line: Value,
}

/// The function's side: it writes lines to the witness that its environment names.
#[derive(Debug)]
pub struct Reporter {
    stream: Option<tokio::sync::Mutex<TcpStream>>,
}

#[derive(Debug)]
struct Shared {
    started: Instant,
    seen: Mutex<Seen>,
    count: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Seen {
    sightings: Vec<Sighting>,
    subscribers: Vec<mpsc::UnboundedSender<Sighting>>,
}

impl Witness {
    /// The environment variable by which a function learns the address.
    pub const VARIABLE: &'static str = "WITNESS";

    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// Where no port can be bound.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("cannot bind a loopback port")?;
        let address = listener.local_addr().context("a bound port has no address")?;
        let shared = Arc::new(Shared {
            started: Instant::now(),
            seen: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let listening = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, listener: listening.abort_handle() })
    }

    /// The address for [`Witness::VARIABLE`].
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Everything seen so far, in the order of arrival.
    #[must_use]
    pub fn sightings(&self) -> Vec<Sighting> {
        self.shared.seen().sightings.clone()
    }

    /// The lines seen so far.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        self.shared.seen().sightings.iter().map(|sighting| sighting.line.clone()).collect()
    }

    /// How many lines `matches` holds for.
    #[must_use]
    pub fn count(&self, matches: impl Fn(&Value) -> bool) -> usize {
        self.shared.seen().sightings.iter().filter(|sighting| matches(&sighting.line)).count()
    }

    /// Waits until `count` lines match, and returns how many do.
    ///
    /// # Errors
    /// Where fewer match after `within`.
    pub async fn wait_for(
        &self,
        count: usize,
        within: Duration,
        matches: impl Fn(&Value) -> bool,
    ) -> Result<usize> {
        let deadline = Instant::now() + within;
        let mut changes = self.shared.count.subscribe();
        loop {
            changes.mark_unchanged();
            let matching = self.count(&matches);
            if matching >= count {
                return Ok(matching);
            }
            if timeout_at(deadline, changes.changed()).await.is_err() {
                let all = self.shared.seen().sightings.len();
                bail!("waited {within:?} for {count} runs: {matching} matched, of {all} seen");
            }
        }
    }

    /// Waits until no line has come for `quiet`, and returns how many there are. With a `quiet` that is longer than any
    /// redelivery, that is the final count.
    ///
    /// # Errors
    /// Where lines still come after `within`.
    pub async fn settle(&self, quiet: Duration, within: Duration) -> Result<usize> {
        let deadline = Instant::now() + within;
        let mut changes = self.shared.count.subscribe();
        loop {
            let count = *changes.borrow_and_update();
            if timeout(quiet, changes.changed()).await.is_err() {
                return Ok(count);
            }
            if Instant::now() >= deadline {
                bail!("waited {within:?} for a pause of {quiet:?}: {count} runs, and they go on");
            }
        }
    }

    /// All sightings from the first, then each new one as it comes. None is lost; who does not read them holds them in
    /// memory.
    #[must_use]
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<Sighting> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut seen = self.shared.seen();
        for sighting in &seen.sightings {
            // The receiver is right here.
            let _ = sender.send(sighting.clone());
        }
        seen.subscribers.push(sender);
        receiver
    }

    /// Forgets what was seen, so that one witness can serve several acts.
    pub fn clear(&self) {
        self.shared.seen().sightings.clear();
        self.shared.count.send_replace(0);
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Reporter {
    /// Connects to `address`, the value of [`Witness::VARIABLE`]; with `None` it writes to nobody.
    ///
    /// # Errors
    /// Where nobody listens there.
    pub async fn connect(address: Option<&str>) -> Result<Self> {
        let Some(address) = address else { return Ok(Self { stream: None }) };
        let stream = TcpStream::connect(address).await;
        let stream = stream.with_context(|| format!("no witness listens at {address}"))?;
        stream.set_nodelay(true).context("cannot send at once")?;
        Ok(Self { stream: Some(tokio::sync::Mutex::new(stream)) })
    }

    /// Writes one line. It is in the witness's hands when this returns, even if the process ends next.
    ///
    /// # Errors
    /// Where the witness is gone.
    pub async fn report(&self, line: &Value) -> Result<()> {
        if let Some(stream) = &self.stream {
            // In one piece: concurrent handlers share the connection.
            stream
                .lock()
                .await
                .write_all(format!("{line}\n").as_bytes())
                .await
                .context("the witness is gone")?;
        }
        Ok(())
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: Value) {
        let sighting = Sighting { at: self.started.elapsed(), line };
        let mut seen = self.seen();
        seen.subscribers.retain(|subscriber| subscriber.send(sighting.clone()).is_ok());
        seen.sightings.push(sighting);
        // Under the lock, so that the count is never behind what it counts.
        self.count.send_replace(seen.sightings.len());
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    // The connections end with this task, for they belong to it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(read(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn read(stream: TcpStream, shared: Arc<Shared>) {
    let mut lines = BufReader::new(stream).lines();
    // An error is the end of a function that was killed.
    while let Ok(Some(line)) = lines.next_line().await {
        shared.add(serde_json::from_str(&line).unwrap_or(Value::String(line)));
    }
}
