use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use hopguard_aws::{Clients, CloudWatch};
use hopguard_core::findings::Thresholds;
use hopguard_core::settings::Telemetry;
use hopguard_core::wait::Price;
use hopguard_core::{Counter, Counters, FlushPolicy, FunctionId, Measure};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::UdpSocket;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tracing::{info, warn};

use super::buffer::{Buffer, Chunk};
use super::environment::Environment;
use super::export::Progress;
use super::faults::Faults;
use super::found::{Found, evidence};
use super::invocation::{Ended, Outcome, Started};
use super::meter::Meter;
use super::own_spans::OwnSpans;
use super::points::{self, Exported};
use super::seldom::Seldom;
use super::signal::{Request as _, Signal};
use super::span::{self, End, Known};
use super::under_way::UnderWay;
use super::waits::{Closed, Waits};
use super::{package, reports, resource};

/// Takes what is observed of invocations, and exports it after the response. Cheap to clone; bounded; its calls never wait.
#[derive(Clone, Debug)]
pub struct Observer(pub(super) Arc<Inner>);

/// What the parts share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) environment: Environment,
    pub(crate) settings: Telemetry,
    price: Price,
    pub(crate) counters: Arc<Counters>,
    pub(crate) cloudwatch: Option<CloudWatch>,
    /// No event says that an invocation has started, and several run at once.
    pub(crate) managed: bool,
    /// What every span and metric says of the function, as far as its variables tell it.
    resource: Resource,
    /// The same with the account, which the first invocation tells.
    located: OnceLock<Resource>,
    pub(crate) reports: OnceLock<Arc<UdpSocket>>,
    /// Whether the platform tells of the end of invocations.
    pub(crate) subscribed: AtomicBool,
    /// An invocation has started or ended.
    pub(super) moved: Notify,
    /// An export is wanted.
    pub(crate) kick: Notify,
    pub(crate) progress: watch::Sender<Progress>,
    asked: AtomicU64,
    /// OTLP requests taken.
    received: AtomicU64,
    shuts_down: OnceLock<Instant>,
    state: Mutex<State>,
}

/// What changes. Never locked across an await.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) under_way: UnderWay,
    /// Those that the crate tells of.
    pub(super) begun: UnderWay,
    pub(crate) meter: Meter,
    pub(crate) policy: FlushPolicy,
    pub(super) faults: Faults,
    /// Which failures of exports were logged of late.
    pub(crate) seldom: Seldom,
    own_spans: OwnSpans,
    buffers: [Buffer; Signal::ALL.len()],
    /// Whether no invocation has started yet.
    cold: bool,
    /// Whether the runtime gets its events through the proxy.
    pub(super) proxied: bool,
    /// Whether an export begins with the next end of an invocation.
    pub(super) export_at_end: bool,
    pub(super) init_seen: bool,
    /// How long the initialisation took, in seconds.
    pub(super) init: Option<f64>,
    pub(super) waits: Waits,
    found: Found,
    /// The size of the function's code: of the first invocation alone, since it is the same for all.
    package_bytes: Option<u64>,
}

impl State {
    pub(crate) fn buffer(&mut self, signal: Signal) -> &mut Buffer {
        let [traces, metrics, logs] = &mut self.buffers;
        match signal {
            Signal::Traces => traces,
            Signal::Metrics => metrics,
            Signal::Logs => logs,
        }
    }
}

impl Default for Observer {
    /// An observer that counts, and exports nothing.
    fn default() -> Self {
        Self::new(
            Environment::default(),
            Telemetry::default(),
            Price::default(),
            Thresholds::default(),
            Arc::default(),
            Clients::default(),
            false,
        )
    }
}

impl Observer {
    /// An observer that exports where the environment and the settings say. `managed`: several invocations run at once, and the
    /// Extensions API tells of none (Lambda Managed Instances).
    pub fn new(
        environment: Environment,
        settings: Telemetry,
        price: Price,
        thresholds: Thresholds,
        counters: Arc<Counters>,
        clients: Clients,
        managed: bool,
    ) -> Self {
        let state = State {
            under_way: UnderWay::default(),
            begun: UnderWay::default(),
            meter: Meter::default(),
            policy: FlushPolicy::new(settings.flush_interval),
            faults: Faults::default(),
            seldom: Seldom::default(),
            own_spans: OwnSpans::default(),
            buffers: Signal::ALL.map(Buffer::new),
            cold: true,
            proxied: false,
            export_at_end: false,
            init_seen: false,
            init: None,
            waits: Waits::default(),
            found: Found::new(thresholds),
            package_bytes: None,
        };
        for error in &environment.wrong {
            warn!(target: "hopguard", error, "OTLP setting not used");
        }
        Self(Arc::new(Inner {
            resource: resource::own(&environment),
            located: OnceLock::new(),
            cloudwatch: settings.metrics.cloudwatch.then(|| CloudWatch::new(clients)),
            environment,
            settings,
            price,
            counters,
            managed,
            reports: OnceLock::new(),
            subscribed: AtomicBool::new(false),
            moved: Notify::new(),
            kick: Notify::new(),
            progress: watch::Sender::default(),
            asked: AtomicU64::new(0),
            received: AtomicU64::new(0),
            shuts_down: OnceLock::new(),
            state: Mutex::new(state),
        }))
    }

    /// The runtime asks for its events through the proxy, so that the end of each invocation will be known.
    pub(crate) fn proxied(&self) {
        self.0.state().proxied = true;
    }

    /// Whether spans go anywhere.
    pub(crate) fn traces(&self) -> bool {
        self.0.wants(Signal::Traces)
    }

    /// The function was invoked by this ARN, whose account every span and metric names: one that was exported before would be of another
    /// series.
    pub(crate) fn locate(&self, arn: &str) {
        self.0.locate(arn);
    }

    /// The runtime is about to get an event.
    pub(crate) fn started(&self, started: &Started) {
        let inner = &self.0;
        inner.locate(&started.arn);
        let mut state = inner.state();
        state.proxied = true;
        let mut lost = Vec::new();
        if !inner.managed {
            // The runtime asks for the next event only when it is done with the one before.
            lost = state.under_way.give_up();
        }
        lost.extend(state.under_way.start(started.clone()));
        for lost in lost {
            inner.close(&mut state, lost, started.at, End::Lost("unanswered".into()));
        }
        drop(state);
        inner.moved.notify_waiters();
    }

    /// The answer of an invocation is out.
    pub(crate) fn ended(&self, ended: &Ended<'_>) {
        let inner = &self.0;
        let mut state = inner.state();
        if let Some(started) = state.under_way.end(ended.request_id) {
            if !inner.is_subscribed() {
                inner.counters.count(Counter::Invocations);
                if ended.outcome != Outcome::Answered {
                    inner.counters.count(Counter::Errors);
                }
                let took = ended.at.duration_since(started.at).unwrap_or_default();
                state.meter.record(Measure::InvokeDuration, took.as_secs_f64());
            }
            inner.close(&mut state, started, ended.at, End::Answered(ended.outcome));
        }
        inner.has_ended(state);
    }

    /// An invocation has ended, and nothing more is known of it: nobody is to wait for its end until its deadline.
    pub(crate) fn forget(&self, request_id: &str) {
        let mut state = self.0.state();
        state.under_way.end(request_id);
        self.0.has_ended(state);
    }
}

impl Inner {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn locate(&self, arn: &str) {
        if self.exports() {
            self.located.get_or_init(|| resource::located(&self.resource, arn));
        }
    }

    /// What every span and metric says of the function.
    pub(crate) fn resource(&self) -> &Resource {
        self.located.get().unwrap_or(&self.resource)
    }

    /// Whether anything of this signal goes anywhere.
    pub(crate) fn wants(&self, signal: Signal) -> bool {
        self.settings.otlp_file.is_some() || self.environment.collector(signal).is_some()
    }

    /// Whether the platform tells of the end of invocations.
    pub(super) fn is_subscribed(&self) -> bool {
        self.subscribed.load(Ordering::Relaxed)
    }

    /// Whether anything at all goes anywhere.
    pub(crate) fn exports(&self) -> bool {
        let metrics = self.settings.metrics;
        metrics.emf || metrics.cloudwatch || Signal::ALL.into_iter().any(|signal| self.wants(signal))
    }

    /// Whether memory for what waits runs out.
    pub(super) fn is_pressed(&self, state: &State) -> bool {
        state.buffers.iter().any(Buffer::is_pressed)
            || (self.settings.metrics.emf && state.meter.is_pressed())
    }

    /// Whether an export is due by the clock.
    pub(crate) fn is_due(&self) -> bool {
        let state = self.state();
        let now = Instant::now().into_std();
        state.policy.poll_timeout(now, self.is_pressed(&state)) <= now
    }

    /// A number that is another one when anything has happened but the layer's own exports.
    pub(crate) fn activity(&self) -> u64 {
        let state = self.state();
        let measured = state.meter.measured().filter(|(measure, _)| *measure != Measure::LayerMemory);
        let measured: u64 = measured.map(|(_, one)| one.total.count).sum();
        let counted: u64 = self.counters.snapshot().into_iter().map(|(_, count)| count).sum();
        self.received.load(Ordering::Relaxed)
            + state.own_spans.taken()
            + state.waits.taken()
            + measured
            + counted
    }

    /// Whether something waits that was not delivered.
    pub(crate) fn has_undelivered(&self) -> bool {
        let mut state = self.state();
        Signal::ALL.into_iter().any(|signal| !state.buffer(signal).is_empty())
    }

    /// Takes what was received, encoded; says how many items had no room.
    pub(crate) fn take(&self, signal: Signal, chunk: Chunk) -> usize {
        let items = chunk.items;
        self.received.fetch_add(1, Ordering::Relaxed);
        if !self.wants(signal) || self.state().buffer(signal).push(chunk) {
            return 0;
        }
        self.counters.add(signal.dropped(), items as u64);
        items
    }

    /// Takes a span of the layer's own, unless its trace is not sampled.
    pub(super) fn record(&self, state: &mut State, span: &Span) {
        if span.flags & 1 == 0 || !self.wants(Signal::Traces) {
            return;
        }
        if !state.own_spans.push(span) {
            self.counters.count(Counter::DroppedSpans);
        }
    }

    /// An invocation is over. Its span is made when an export begins, and what is reported late is there.
    pub(super) fn close(&self, state: &mut State, started: Started, at: SystemTime, end: End) {
        let closed = Closed { started, at, end, cold: false, busy_ns: None, init_ns: None };
        self.close_told(state, closed);
    }

    /// The same of one that was told of.
    pub(super) fn close_told(&self, state: &mut State, told: Closed) {
        let cold = std::mem::replace(&mut state.cold, false);
        if !self.exports() {
            return;
        }
        self.locate(&told.started.arn);
        if let Some(first) = state.waits.close(Closed { cold, ..told }) {
            self.finish(state, &first);
        }
    }

    /// Says of an invocation that is over where it stood in its chain and what it waited for.
    fn finish(&self, state: &mut State, closed: &Closed) {
        let Started { lineage, arn, .. } = &closed.started;
        state.meter.record(Measure::Hop, lineage.hop.into());
        state.meter.record(Measure::Visits, lineage.visits.of(FunctionId::from_arn(arn)).into());
        if lineage.hop == 0 {
            self.counters.count(Counter::Chains);
        }
        let memory_mb = self.environment.memory_mb.and_then(|mb| u32::try_from(mb).ok()).unwrap_or_default();
        let (calls, analysis) = state.waits.analyse(closed, memory_mb, &self.price);
        if analysis.calls > 0 {
            let meter = &mut state.meter;
            meter.record(Measure::Wait, analysis.wait.seconds());
            meter.record(Measure::SyncInvoke, analysis.sync_invokes.caller.seconds());
            meter.record(Measure::Saving, analysis.saving.seconds());
            if memory_mb > 0 {
                meter.record(Measure::WaitCost, analysis.wait.usd);
            }
            self.counters.add(Counter::CallRetries, analysis.retries.count.into());
            self.counters.add(Counter::CallTimeouts, analysis.timeouts.count.into());
            self.counters.add(Counter::DroppedCalls, analysis.dropped);
        }
        let init = state.init.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let known = Known {
            memory_mb,
            init_ns: init
                .filter(|_| closed.cold)
                .and_then(|init| u64::try_from(init.as_nanos()).ok())
                .or(closed.init_ns),
            package_bytes: if closed.cold { state.package_bytes } else { None },
            analysis: Some(&analysis),
        };
        for finding in state.found.observe(closed, known, &calls, &analysis) {
            self.counters.count(finding.kind.into());
            let cost_usd = finding.cost.map(|cost| cost.usd);
            let (found, evidence) = (finding.kind.name(), evidence(&finding));
            info!(target: "hopguard", finding = found, evidence, cost_usd, suggestion = finding.suggestion, "finding");
        }
        if closed.started.span.flags & 1 == 0 || !self.wants(Signal::Traces) {
            return;
        }
        let span = span::of_invocation(closed, known);
        self.record(state, &span);
    }

    /// Tells who waits for the end of an invocation.
    pub(super) fn has_ended(&self, mut state: MutexGuard<'_, State>) {
        let export = std::mem::replace(&mut state.export_at_end, false);
        drop(state);
        self.moved.notify_waiters();
        if export {
            self.ask();
        }
    }

    /// Wants an export, and says its number.
    pub(super) fn ask(&self) -> u64 {
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        self.kick.notify_one();
        number
    }

    /// The number of the last export that was wanted.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Somebody outside does not answer: nobody is to wait.
    pub(crate) fn trouble(&self) {
        self.progress.send_modify(|progress| progress.troubled = self.asked());
    }

    /// Until when the process lives, where that is known.
    pub(crate) fn shuts_down(&self) -> Option<Instant> {
        self.shuts_down.get().copied()
    }

    pub(super) fn shut_down(&self, until: Instant) {
        let _ = self.shuts_down.set(until);
    }

    /// Measures the function's code before its first invocation is analysed, which is behind its first answer.
    async fn measure_package(&self) {
        let wanted = self.exports() && self.state().waits.has_cold();
        if !wanted {
            return;
        }
        // Lambda tells the runtime where the code is, and not extensions.
        let root = self.environment.task_root.clone().unwrap_or_else(|| PathBuf::from("/var/task"));
        let bytes = package::measure(root).await;
        let mut state = self.state();
        state.package_bytes = bytes;
        if let Some(bytes) = bytes {
            // Exact up to 2^53 bytes.
            state.meter.record(Measure::PackageSize, bytes as f64);
        }
    }

    /// Brings together what is to be exported: reports that nobody has read yet, spans and metrics of the layer's own.
    pub(crate) async fn collect(&self, exported: Option<&mut Exported>) {
        // Lets the receiver and the sockets have what has arrived by now.
        tokio::task::yield_now().await;
        if let Some(socket) = self.reports.get() {
            reports::drain(self, socket);
        }
        self.measure_package().await;
        let mut guard = self.state();
        let state = &mut *guard;
        for closed in state.waits.take_closed() {
            self.finish(state, &closed);
        }
        state.buffers.iter_mut().for_each(Buffer::recount);
        if let Some(bytes) = resident_bytes() {
            state.meter.record(Measure::LayerMemory, bytes);
        }
        if let Some(chunk) = state.own_spans.take(self.resource()) {
            let items = chunk.items as u64;
            if !state.buffer(Signal::Traces).push(chunk) {
                self.counters.add(Counter::DroppedSpans, items);
            }
        }
        if self.wants(Signal::Metrics) {
            let request =
                points::request(self.resource(), &self.counters, &state.meter, SystemTime::now(), exported);
            let chunk = Chunk::new(request.encode_to_vec(), request.items());
            let items = chunk.items as u64;
            if !state.buffer(Signal::Metrics).push(chunk) {
                self.counters.add(Counter::DroppedPoints, items);
            }
        }
    }
}

/// How much memory this process is resident with.
fn resident_bytes() -> Option<f64> {
    /// On every machine that Lambda has.
    const PAGE: u32 = 4_096;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u32 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(f64::from(pages) * f64::from(PAGE))
}
