use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hopguard_core::breaker::Breaker;
use hopguard_core::event::Reader;
use hopguard_core::{Backoff, ChainId, Counter, Counters, FanOut, FunctionId, Settings};
use moka::sync::Cache;

/// Chains that this environment counts at once.
const SEEN_CHAINS: u64 = 10_000;
/// How long a chain is counted after its last record.
const SEEN_FOR: Duration = Duration::from_secs(600);

/// What one guard keeps for all its invocations. Bounded, and free of any invocation's state.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) reader: Reader,
    pub(crate) counters: Counters,
    pub(crate) breaker: Mutex<Breaker>,
    fan_out: Mutex<FanOut>,
    function: OnceLock<(Box<str>, FunctionId)>,
    seen: Cache<ChainId, u32>,
    #[cfg(feature = "s3")]
    pub(crate) index: crate::write_index::WriteIndex,
    #[cfg(feature = "aws")]
    pub(crate) edge: crate::edge::Edge,
}

impl Shared {
    pub(crate) fn new(settings: Settings, #[cfg(feature = "aws")] clients: hopguard_aws::Clients) -> Self {
        Self {
            reader: Reader::new(settings.signing_keys.clone()),
            counters: Counters::default(),
            breaker: Mutex::new(Breaker::new(Backoff::default())),
            fan_out: Mutex::default(),
            function: OnceLock::new(),
            seen: Cache::builder().max_capacity(SEEN_CHAINS).time_to_idle(SEEN_FOR).build(),
            #[cfg(feature = "s3")]
            index: crate::write_index::WriteIndex::new(),
            #[cfg(feature = "aws")]
            edge: crate::edge::Edge::new(clients, &settings),
            settings,
        }
    }

    /// The id of the function with this ARN; hashed once, since an environment runs one function.
    pub(crate) fn function(&self, arn: &str) -> FunctionId {
        let (known, id) = self.function.get_or_init(|| (arn.into(), FunctionId::from_arn(arn)));
        // One environment can be invoked by several qualified ARNs.
        if **known == *arn { *id } else { FunctionId::from_arn(arn) }
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
        let entry = self.seen.entry(chain).and_upsert_with(|seen| seen.map_or(1, |seen| seen.into_value().saturating_add(1)));
        entry.into_value()
    }

    pub(crate) fn count(&self, counter: Counter) {
        self.counters.count(counter);
    }
}
