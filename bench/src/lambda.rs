//! Lambda's side: the Extensions API, the Telemetry API and the Runtime API of one environment.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::http::{self, Connection};
use crate::telemetry::Telemetry;

/// Nothing here takes longer, even at 72 thousandths of a core.
const PATIENCE: Duration = Duration::from_secs(20);
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:bench";

/// One execution environment. Whoever drives it writes events itself, into the connection that waits for them: no thread has to
/// wake up between the clock and the wire.
#[derive(Debug)]
pub(crate) struct Lambda {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    extension: Asker,
    runtime: Asker,
    answered: u64,
    telemetry: Option<Telemetry>,
}

/// Who asks for events.
#[derive(Debug, Default)]
struct Asker {
    /// How often.
    asked: u64,
    /// When last.
    at: Option<Instant>,
    waiting: Option<TcpStream>,
}

impl Lambda {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port")?;
        let (address, shared) = (listener.local_addr()?, Arc::<Shared>::default());
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.closed.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&serving);
                // An extension that ends breaks its connections off.
                thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Ok(Self { address, shared })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the extension has asked for its next event so often, and says when.
    pub(crate) fn extension_asked(&self, times: u64) -> Result<Instant> {
        let state = self.shared.wait("the extension's /next", |state| state.extension.asked >= times)?;
        state.extension.at.context("no time")
    }

    /// The same of the runtime, in front of or behind a proxy.
    pub(crate) fn runtime_asked(&self, times: u64) -> Result<()> {
        self.shared.wait("the runtime's /next", |state| state.runtime.asked >= times).map(drop)
    }

    /// Waits until so many invocations were answered.
    pub(crate) fn answered(&self, times: u64) -> Result<()> {
        self.shared.wait("an answer", |state| state.answered >= times).map(drop)
    }

    /// Tells the extension of an invocation; returns when that was written.
    pub(crate) fn invoke(&self, id: &str) -> Result<Instant> {
        let event = format!(
            r#"{{"eventType":"INVOKE","deadlineMs":{},"requestId":"{id}","invokedFunctionArn":"{ARN}","tracing":{{"type":"X-Amzn-Trace-Id","value":"Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"}}}}"#,
            deadline_ms(30_000)
        );
        self.tell_extension(&event)
    }

    /// Tells the extension that the environment ends.
    pub(crate) fn shut_down(&self) -> Result<Instant> {
        let deadline_ms = deadline_ms(2_000);
        self.tell_extension(&format!(
            r#"{{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":{deadline_ms}}}"#
        ))
    }

    fn tell_extension(&self, event: &str) -> Result<Instant> {
        let waiting = self.shared.state().extension.waiting.take().context("the extension does not wait")?;
        let at = Instant::now();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Extension-Event-Identifier: 11111111-0000-4000-8000-000000000001\r\n";
        http::write(&waiting, head, event.as_bytes())?;
        Ok(at)
    }

    /// Hands the runtime an event; returns when writing it began. Written by another thread, since a large one does not fit into
    /// the sockets' buffers.
    pub(crate) fn dispatch(&self, id: &str, event: &Arc<[u8]>) -> Result<Instant> {
        let waiting = self.shared.state().runtime.waiting.take().context("the runtime does not wait")?;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: {id}\r\nLambda-Runtime-Deadline-Ms: {}\r\nLambda-Runtime-Invoked-Function-Arn: {ARN}\r\nLambda-Runtime-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1\r\n",
            deadline_ms(30_000)
        );
        let at = Instant::now();
        if event.len() < 64 * 1024 {
            http::write(&waiting, &head, event)?;
        } else {
            let event = Arc::clone(event);
            thread::spawn(move || drop(http::write(&waiting, &head, &event)));
        }
        Ok(at)
    }

    /// Hands what the platform tells to the subscriber, if any.
    pub(crate) fn tell(&self, kind: &str, record: &str) {
        if let Some(telemetry) = &self.shared.state().telemetry {
            telemetry.tell(kind, record);
        }
    }

    /// Delivers what the platform tells one by one from now on, instead of as the subscription asks.
    pub(crate) fn deliver_at_once(&self) {
        if let Some(telemetry) = &mut self.shared.state().telemetry {
            telemetry.at_once();
        }
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, what: &str, done: impl Fn(&State) -> bool) -> Result<MutexGuard<'_, State>> {
        let waited = self.changed.wait_timeout_while(self.state(), PATIENCE, |state| !done(state));
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            bail!("waited {PATIENCE:?} for {what}");
        }
        Ok(state)
    }

    fn serve(&self, stream: TcpStream) -> Result<()> {
        let mut connection = Connection::new(stream)?;
        while connection.read()? {
            let now = Instant::now();
            let line = connection.line();
            let path = line.split(' ').nth(1).unwrap_or_default();
            match path {
                "/2020-01-01/extension/event/next" => {
                    self.ask(|state| &mut state.extension, now, connection.stream()?);
                }
                "/2018-06-01/runtime/invocation/next" => {
                    self.ask(|state| &mut state.runtime, now, connection.stream()?);
                }
                "/2020-01-01/extension/register" => {
                    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Extension-Identifier: 0e5d1a5e-0000-4000-8000-00000000be7c\r\n";
                    let body = r#"{"functionName":"bench","functionVersion":"$LATEST","handler":"index.handler","accountId":"123456789012"}"#;
                    connection.write(head, body.as_bytes())?;
                }
                "/2022-07-01/telemetry" => {
                    let subscription: Value = serde_json::from_slice(connection.body())?;
                    self.state().telemetry = Some(Telemetry::start(&subscription)?);
                    connection.write("HTTP/1.1 200 OK\r\n", b"\"OK\"")?;
                }
                answer if answer.starts_with("/2018-06-01/runtime/invocation/") => {
                    connection.write("HTTP/1.1 202 Accepted\r\n", b"{\"status\":\"OK\"}")?;
                    self.state().answered += 1;
                    self.changed.notify_all();
                }
                unknown => bail!("asked for {unknown}"),
            }
        }
        Ok(())
    }

    fn ask(&self, asker: impl Fn(&mut State) -> &mut Asker, at: Instant, stream: TcpStream) {
        let mut state = self.state();
        let asker = asker(&mut state);
        *asker = Asker { asked: asker.asked + 1, at: Some(at), waiting: Some(stream) };
        drop(state);
        self.changed.notify_all();
    }
}

fn deadline_ms(in_ms: u128) -> u128 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_millis() + in_ms
}
