use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hopguard_aws::{Clients, Edge};
use hopguard_core::event::Reader;
use hopguard_core::{ChainId, Counter, Counters, FanOut, FunctionId, Settings};
use moka::sync::Cache;

use crate::invocations::Invocations;
use crate::observe::Observer;

/// Chains that this environment counts at once.
const SEEN_CHAINS: u64 = 10_000;
/// How long a chain is counted after its last record.
const SEEN_FOR: Duration = Duration::from_secs(600);

/// What all connections of one execution environment share. Bounded; what belongs to one invocation is kept apart.
pub struct Guard {
    pub(crate) settings: Settings,
    pub(crate) reader: Reader,
    pub(crate) counters: Arc<Counters>,
    pub(crate) edge: Arc<Edge>,
    pub(crate) invocations: Invocations,
    pub(crate) observer: Observer,
    fan_out: Mutex<FanOut>,
    function: OnceLock<(Box<str>, FunctionId)>,
    seen: LazyLock<Cache<ChainId, u32>>,
}

impl Guard {
    /// A guard with these settings. It calls nobody until a record is blocked or an object has to be looked up.
    pub fn new(settings: Settings, clients: Clients, counters: Arc<Counters>, observer: Observer) -> Self {
        Self {
            reader: Reader::new(settings.signing_keys.clone()),
            edge: Arc::new(Edge::new(clients, settings.clone(), Arc::clone(&counters))),
            invocations: Invocations::default(),
            fan_out: Mutex::default(),
            function: OnceLock::new(),
            seen: LazyLock::new(|| Cache::builder().max_capacity(SEEN_CHAINS).time_to_idle(SEEN_FOR).build()),
            settings,
            counters,
            observer,
        }
    }

    /// The id of the function with this ARN; hashed once, since an environment runs one function.
    pub(crate) fn function(&self, arn: &str) -> FunctionId {
        let (known, id) = self.function.get_or_init(|| (arn.into(), FunctionId::from_arn(arn)));
        // One environment can be invoked by several qualified ARNs.
        if **known == *arn { *id } else { FunctionId::from_arn(arn) }
    }

    /// How many messages this function sent per invocation of late.
    pub(crate) fn fan_out(&self) -> u32 {
        self.fan_out.lock().unwrap_or_else(PoisonError::into_inner).estimate()
    }

    pub(crate) fn observe_fan_out(&self, sent: u32) {
        if sent > 0 {
            self.fan_out.lock().unwrap_or_else(PoisonError::into_inner).observe(sent);
        }
    }

    /// Counts one more record without a token in this chain, and says how many there were here.
    pub(crate) fn see(&self, chain: ChainId) -> u32 {
        let one_more = |seen: Option<moka::Entry<ChainId, u32>>| {
            seen.map_or(1, |seen| seen.into_value().saturating_add(1))
        };
        self.seen.entry(chain).and_upsert_with(one_more).into_value()
    }

    pub(crate) fn count(&self, counter: Counter) {
        self.counters.count(counter);
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}
