use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hopguard_core::admission::{BlockedRecord, Failed, Fate, Withheld};
use hopguard_core::breaker::{Breaker, Outcome, Report, Trip};
use hopguard_core::event::Source;
use hopguard_core::{Backoff, Counter, Counters, OnBlock, Settings};
use tokio::time::Instant;
use tracing::{error, warn};

use crate::clients::Clients;
use crate::mappings::Mappings;
use crate::quarantine::{Blocked, Form, Quarantine};
use crate::reserved_concurrency::ReservedConcurrency;
use crate::tags::{Cause, to_rfc3339};

/// The same failure is logged at most this often.
const LOG_INTERVAL: Duration = Duration::from_secs(60);
/// What the quarantine may take of an invocation whose handler has yet to run: so long, and half of the time that is left.
const QUARANTINE_LIMIT: Duration = Duration::from_secs(10);
/// What one question to Lambda's control plane may take of it: so long, and a third of the time that is left. One that hangs is to
/// cost neither the blocked record nor the handler of the others.
const QUESTION_LIMIT: Duration = Duration::from_secs(5);

/// What a guard asks of AWS, and only when a record is blocked or an object has to be looked up: the breaker that trips the
/// function, the quarantine, the event source mappings, the objects. One for all invocations of an execution environment; its
/// clients are made at their first call.
///
/// It logs what it does, with the target `hopguard`: the same failure once a minute at most.
pub struct Edge {
    pub(crate) settings: Settings,
    pub(crate) clients: Clients,
    counters: Arc<Counters>,
    breaker: Mutex<Breaker>,
    reserved: ReservedConcurrency,
    mappings: Mappings,
    quarantine: Option<Quarantine>,
    #[cfg(feature = "s3")]
    pub(crate) lookup: crate::lookup::Lookup,
    #[cfg(feature = "s3")]
    pub(crate) objects: crate::object_index::ObjectIndex,
    /// When each kind of failure was logged last; there are six.
    logged: Mutex<Vec<(&'static str, Instant)>>,
}

impl Edge {
    /// An edge that does what these settings say and counts what it did.
    pub fn new(clients: Clients, settings: Settings, counters: Arc<Counters>) -> Self {
        Self {
            mappings: Mappings::new(clients.clone()),
            quarantine: settings.quarantine.as_ref().map(|url| Quarantine::new(clients.clone(), url)),
            #[cfg(feature = "s3")]
            lookup: crate::lookup::Lookup::new(clients.clone()),
            #[cfg(feature = "s3")]
            objects: crate::object_index::ObjectIndex::new(),
            reserved: ReservedConcurrency::new(clients.clone()).cooldown(settings.cooldown.clone()),
            logged: Mutex::default(),
            breaker: Mutex::new(Breaker::new(Backoff::default())),
            settings,
            clients,
            counters,
        }
    }

    /// Whether this failure was not logged within the last minute.
    pub(crate) fn logs(&self, what: &'static str) -> bool {
        let now = Instant::now();
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        match logged.iter_mut().find(|(known, _)| *known == what) {
            Some((_, last)) if now.duration_since(*last) < LOG_INTERVAL => return false,
            Some((_, last)) => *last = now,
            None => logged.push((what, now)),
        }
        true
    }

    pub(crate) fn count(&self, counter: Counter) {
        self.counters.count(counter);
    }

    pub(crate) fn add(&self, counter: Counter, events: u64) {
        self.counters.add(counter, events);
    }

    /// Tells the breaker of a block; the trip that is due then, if any, is for [`trip`](Self::trip).
    pub fn due(&self, blocked: &BlockedRecord) -> Option<Trip> {
        if !self.settings.trip {
            return None;
        }
        let now = Instant::now().into_std();
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner).handle_block(now, blocked.block())
    }

    /// Sets the function's reserved concurrency to 0, and tells the breaker how it went.
    pub async fn trip(&self, arn: &str, trip: &Trip, asynchronous: bool, deadline: Instant) {
        let report = self.reserved.trip(arn, &Cause::from(trip), asynchronous, deadline).await;
        let now = Instant::now().into_std();
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let log = breaker.handle_outcome(now, report.outcome, fastrand::u32(..));
        drop(breaker);
        let function = hopguard_core::function_name(arn);
        let (chain, reason) = (trip.block.chain, trip.block.reason.name());
        match report.outcome {
            Outcome::Tripped { .. } => {
                self.count(Counter::Tripped);
                let resumes_at = report.resumes_at.map(to_rfc3339);
                error!(
                    target: "hopguard", function, %chain, reason, prior = %report.prior, resumes_at,
                    "function tripped: reserved concurrency is 0",
                );
            }
            Outcome::AlreadyTripped => {
                warn!(target: "hopguard", function, %chain, reason, "function already tripped: reserved concurrency is 0");
            }
            Outcome::Denied | Outcome::Throttled | Outcome::Failed => {
                self.count(Counter::TripFailed);
                if log == Report::Log {
                    let detail = report.detail.as_deref().unwrap_or("no answer in time");
                    error!(
                        target: "hopguard", function, %chain, reason, missing = report.missing, detail,
                        "function not tripped: records stay blocked, but the loop can go on",
                    );
                }
            }
        }
        for warning in &report.warnings {
            warn!(target: "hopguard", function, %warning, "trip incomplete");
        }
    }

    /// Moves blocked records to where their owner chose. What cannot be moved fails, so that its source keeps it.
    pub async fn dispose(
        &self,
        arn: &str,
        blocked: &[BlockedRecord],
        payload: &[u8],
        deadline: Instant,
    ) -> Vec<Fate> {
        let mut fates: Vec<Fate> = Vec::with_capacity(blocked.len());
        let mut kept: Vec<(usize, &BlockedRecord)> = Vec::new();
        for (place, record) in blocked.iter().enumerate() {
            fates.push(match record.chosen(&self.settings) {
                OnBlock::Drop => Fate::Dropped,
                OnBlock::Fail => Fate::Failed,
                OnBlock::Quarantine => {
                    kept.push((place, record));
                    Fate::Failed
                }
            });
        }
        let deadline = sooner(deadline, 2, QUARANTINE_LIMIT);
        if let Some(quarantine) =
            self.quarantine_of(arn, blocked, deadline).await.filter(|_| !kept.is_empty())
        {
            let messages: Vec<Blocked<'_>> =
                kept.iter().map(|(_, record)| message(record, payload)).collect();
            let outcomes = quarantine.keep_all(&messages, deadline).await;
            for ((place, _), outcome) in kept.iter().zip(outcomes) {
                match outcome {
                    Ok(()) => {
                        if let Some(fate) = fates.get_mut(*place) {
                            *fate = Fate::Quarantined;
                        }
                    }
                    Err(error) if self.logs("quarantine") => {
                        error!(target: "hopguard", %error, "record not quarantined: it fails, so that its source keeps it");
                    }
                    Err(_) => {}
                }
            }
        }
        fates.iter().for_each(|fate| self.count((*fate).into()));
        fates
    }

    /// The quarantine queue, unless it feeds this very function.
    async fn quarantine_of(
        &self,
        arn: &str,
        blocked: &[BlockedRecord],
        deadline: Instant,
    ) -> Option<&Quarantine> {
        let quarantine = self.quarantine.as_ref()?;
        // Seen without any permission: the queue has just delivered one of these.
        let mut own_path = quarantine.queue_url().rsplit('/');
        let (queue, account) = (own_path.next()?, own_path.next()?);
        let delivered = blocked.iter().filter_map(|record| record.origin.as_deref());
        let mut feeds = delivered.into_iter().any(|origin| {
            let mut path = origin.rsplit(':');
            path.next() == Some(queue) && path.next() == Some(account)
        });
        if !feeds {
            let deadline = sooner(deadline, 3, QUESTION_LIMIT);
            feeds = match self.mappings.feeds(arn, quarantine.queue_url(), deadline).await {
                Ok(feeds) => feeds,
                Err(error) => {
                    if self.logs("feeds") {
                        warn!(target: "hopguard", %error, "quarantine queue not checked: it must not feed this function");
                    }
                    false
                }
            };
        }
        if feeds && self.logs("quarantine feeds its function") {
            error!(
                target: "hopguard", queue = quarantine.queue_url(),
                "quarantine queue feeds this function: not used; name another queue in HOPGUARD_QUARANTINE",
            );
        }
        (!feeds).then_some(quarantine)
    }

    /// What the answer has to say of the records that the handler did not get.
    pub async fn withhold(&self, arn: &str, failed: &Failed, deadline: Instant) -> Withheld {
        let takes_failures = match failed.question() {
            Some(origin) => self.takes_failures(arn, origin, deadline).await,
            None => false,
        };
        failed.withheld(takes_failures)
    }

    /// Whether the mapping that delivered a batch takes a partial answer. Where that cannot be found out it does not: a partial answer
    /// to a mapping without ReportBatchItemFailures would delete what nobody processed.
    async fn takes_failures(&self, arn: &str, origin: Option<&str>, deadline: Instant) -> bool {
        let Some(origin) = origin else { return false };
        let deadline = sooner(deadline, 3, QUESTION_LIMIT);
        match self.mappings.reports_batch_item_failures(arn, origin, deadline).await {
            Ok(reports) => reports,
            Err(error) => {
                if self.logs("mapping") {
                    error!(target: "hopguard", %error, "event source mapping not known: the whole invocation fails");
                }
                false
            }
        }
    }
}

/// The end of the first of so many parts of the time that is left until `deadline`, and of `limit`.
fn sooner(deadline: Instant, parts: u32, limit: Duration) -> Instant {
    let now = Instant::now();
    now + (deadline.saturating_duration_since(now) / parts).min(limit)
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edge").finish_non_exhaustive()
    }
}

fn message<'r>(record: &'r BlockedRecord, payload: &'r [u8]) -> Blocked<'r> {
    let (form, json) = match record.source {
        Source::Sqs => (Form::Message, record.json.as_slice()),
        Source::Sns | Source::S3 | Source::Kinesis | Source::DynamoDb => {
            (Form::Record, record.json.as_slice())
        }
        _ => (Form::Payload, payload),
    };
    Blocked {
        form,
        source: record.source.name(),
        json,
        id: record.id.as_deref(),
        group: record.group.as_deref(),
        chain: record.lineage.chain,
        reason: record.reason,
        token: &record.token,
    }
}
