use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use hopguard_core::event::Reader;
use hopguard_core::settings::SettingError;
use hopguard_core::{ChainId, Counter, Counters, FanOut, FunctionId, Settings};
use moka::sync::Cache;

#[cfg(not(feature = "aws"))]
use crate::edge::Edge;
use crate::handover::Handover;
use crate::init;
use crate::otlp::Exporting;
use crate::reports::Reports;
#[cfg(feature = "aws")]
use hopguard_aws::Edge;

/// Chains that this environment counts at once.
const SEEN_CHAINS: u64 = 10_000;
/// How long a chain is counted after its last record.
const SEEN_FOR: Duration = Duration::from_secs(600);

/// What one guard keeps for all its invocations. Bounded, and free of any invocation's state.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) reader: Reader,
    pub(crate) counters: Arc<Counters>,
    pub(crate) edge: Edge,
    pub(crate) handover: Arc<Handover>,
    wrong: Vec<SettingError>,
    started: Once,
    strayed: Once,
    fan_out: Mutex<FanOut>,
    function: OnceLock<(Box<str>, FunctionId)>,
    seen: Cache<ChainId, u32>,
    /// No invocation has come yet.
    fresh: AtomicBool,
    /// When a handler was wrapped, which ends the initialisation.
    wrapped: OnceLock<Instant>,
    init: OnceLock<Option<Duration>>,
    layer: Layer,
    reports: OnceLock<Option<Reports>>,
    pub(crate) exporting: OnceLock<Arc<Exporting>>,
}

/// Where the layer's extension is looked for.
#[derive(Clone, Debug, Default)]
pub(crate) enum Layer {
    #[default]
    Nowhere,
    /// In the file where it says where it listens.
    Announced(&'static str),
    At(SocketAddr),
}

impl Shared {
    pub(crate) fn new(
        settings: Settings,
        wrong: Vec<SettingError>,
        layer: Layer,
        #[cfg(feature = "aws")] clients: hopguard_aws::Clients,
    ) -> Self {
        let counters = Arc::<Counters>::default();
        #[cfg(feature = "aws")]
        let edge = Edge::new(clients, settings.clone(), Arc::clone(&counters));
        #[cfg(not(feature = "aws"))]
        let edge = Edge::new(settings.clone(), Arc::clone(&counters));
        Self {
            edge,
            reader: Reader::new(settings.signing_keys.clone()),
            counters,
            handover: Arc::default(),
            wrong,
            started: Once::new(),
            strayed: Once::new(),
            fan_out: Mutex::default(),
            function: OnceLock::new(),
            seen: Cache::builder().max_capacity(SEEN_CHAINS).time_to_idle(SEEN_FOR).build(),
            fresh: AtomicBool::new(true),
            wrapped: OnceLock::new(),
            init: OnceLock::new(),
            layer,
            reports: OnceLock::new(),
            exporting: OnceLock::new(),
            settings,
        }
    }

    /// The id of the function with this ARN; hashed once, since an environment runs one function.
    pub(crate) fn function(&self, arn: &str) -> FunctionId {
        let (known, id) = self.function.get_or_init(|| (arn.into(), FunctionId::from_arn(arn)));
        // One environment can be invoked by several qualified ARNs.
        if **known == *arn { *id } else { FunctionId::from_arn(arn) }
    }

    /// The ARN by which the function was first invoked; empty before.
    pub(crate) fn function_arn(&self) -> &str {
        self.function.get().map_or("", |(arn, _)| arn)
    }

    /// How many messages this function sent per scope of late.
    pub(crate) fn fan_out(&self) -> u32 {
        self.fan_out.lock().unwrap_or_else(PoisonError::into_inner).estimate()
    }

    pub(crate) fn observe_fan_out(&self, sent: u32) {
        self.fan_out.lock().unwrap_or_else(PoisonError::into_inner).observe(sent);
    }

    /// Counts one more record without a token in this chain, and says how many there were here.
    pub(crate) fn see(&self, chain: ChainId) -> u32 {
        let entry = self
            .seen
            .entry(chain)
            .and_upsert_with(|seen| seen.map_or(1, |seen| seen.into_value().saturating_add(1)));
        entry.into_value()
    }

    /// At the first invocation, when a subscriber surely is set: says what is wrong with the settings.
    pub(crate) fn start(&self) {
        self.started.call_once(|| {
            for error in &self.wrong {
                tracing::error!(target: "hopguard", %error, "wrong setting: its default is used");
            }
        });
    }

    /// A handler is wrapped: its initialisation is as good as over.
    pub(crate) fn wrapped(&self) {
        self.wrapped.get_or_init(Instant::now);
    }

    /// Whether this invocation is the first here.
    pub(crate) fn is_first(&self) -> bool {
        self.fresh.load(Ordering::Relaxed) && self.fresh.swap(false, Ordering::Relaxed)
    }

    /// How long the initialisation took, where that is known.
    pub(crate) fn init(&self) -> Option<Duration> {
        *self.init.get_or_init(|| init::since_start(*self.wrapped.get()?))
    }

    /// Where the layer's extension is told of what is observed, if there is one.
    pub(crate) fn reports(&self) -> Option<&Reports> {
        let find = || match self.layer {
            Layer::Nowhere => None,
            Layer::Announced(file) => Reports::find(Path::new(file)),
            Layer::At(address) => Reports::to(address),
        };
        self.reports.get_or_init(find).as_ref()
    }

    /// Counts a send outside of any scope. The first one is logged: spawned work has probably lost its lineage.
    pub(crate) fn count_no_scope(&self) {
        self.count(Counter::NoScope);
        self.strayed.call_once(|| {
            tracing::warn!(
                target: "hopguard",
                "send outside of any invocation: lineage not written; work that is spawned keeps it by `in_lineage()`",
            );
        });
    }

    pub(crate) fn count(&self, counter: Counter) {
        self.counters.count(counter);
    }
}
