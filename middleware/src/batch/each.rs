use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::num::NonZeroUsize;

use futures_util::stream::{self, StreamExt as _};
use hopguard_core::{ChainId, Xray};
use tracing::Instrument as _;

use crate::batch::{BatchAnswer, BatchRecord, ItemFailure};
use crate::guard::Guard;
use crate::scope::Scope;
use crate::telemetry;

/// Records that run at once unless said otherwise: the default batch size of SQS.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9);

impl Guard {
    /// Runs `process` for each record, ten at once, each in a scope of its own: what it sends derives from that record alone.
    ///
    /// The answer names the records whose future returned an error. Records of one FIFO group run one after the other, and
    /// after the first that fails the rest of its group fails too, without running.
    ///
    /// ```
    /// # #[cfg(feature = "events")] {
    /// use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
    /// use hopguard::{BatchAnswer, Guard};
    /// use lambda_runtime::{Error, LambdaEvent};
    ///
    /// async fn handler(guard: &Guard, event: LambdaEvent<SqsEvent>) -> Result<BatchAnswer, Error> {
    ///     Ok(guard.each(event.payload.records, |message: SqsMessage| async move {
    ///         println!("{:?}", message.body);
    ///         Ok::<(), Error>(())
    ///     }).await)
    /// }
    /// # }
    /// ```
    pub async fn each<I, R, F, P, E>(&self, records: I, process: F) -> BatchAnswer
    where
        I: IntoIterator<Item = R>,
        R: BatchRecord,
        F: Fn(R) -> P,
        P: Future<Output = Result<(), E>>,
        E: Display,
    {
        self.each_concurrently(CONCURRENCY, records, process).await
    }

    /// The same with a concurrency of your choice; 1 runs record after record.
    pub async fn each_concurrently<I, R, F, P, E>(
        &self,
        limit: NonZeroUsize,
        records: I,
        process: F,
    ) -> BatchAnswer
    where
        I: IntoIterator<Item = R>,
        R: BatchRecord,
        F: Fn(R) -> P,
        P: Future<Output = Result<(), E>>,
        E: Display,
    {
        let invocation = Scope::current();
        let lanes = lanes(records);
        let run = |lane: Lane<R>| run_lane(lane, invocation.as_ref(), &process);
        let mut failed: Vec<(usize, String)> =
            stream::iter(lanes).map(run).buffer_unordered(limit.get()).flat_map(stream::iter).collect().await;
        failed.sort_unstable();
        let failures = failed.into_iter().map(|(_, item_identifier)| ItemFailure { item_identifier });
        BatchAnswer { batch_item_failures: failures.collect() }
    }
}

/// Records that run one after the other, with their places in the batch.
type Lane<R> = Vec<(usize, R)>;

/// One lane for each FIFO group, and one for each record without a group.
fn lanes<R: BatchRecord>(records: impl IntoIterator<Item = R>) -> Vec<Lane<R>> {
    let mut lanes: Vec<Lane<R>> = Vec::new();
    let mut groups: HashMap<String, usize> = HashMap::new();
    for (place, record) in records.into_iter().enumerate() {
        let group = record.group().map(|group| groups.entry(group.into_owned()).or_insert(lanes.len()));
        match group.and_then(|lane| lanes.get_mut(*lane)) {
            Some(lane) => lane.push((place, record)),
            None => lanes.push(vec![(place, record)]),
        }
    }
    lanes
}

/// Runs a lane until a record of it fails. Returns that one and all after it.
async fn run_lane<R, F, P, E>(lane: Lane<R>, invocation: Option<&Scope>, process: &F) -> Vec<(usize, String)>
where
    R: BatchRecord,
    F: Fn(R) -> P,
    P: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut failed = Vec::new();
    for (place, record) in lane {
        let id = record.id().map(Cow::into_owned);
        let identifier = || (place, id.clone().unwrap_or_default());
        if !failed.is_empty() {
            failed.push(identifier());
            continue;
        }
        let span = telemetry::record_span(record.source(), id.as_deref());
        let scope = invocation
            .map(|invocation| invocation.of_record(id.as_deref(), || root_chain(&record, invocation)));
        if let Some(scope) = &scope {
            telemetry::record_lineage(&span, &scope.lineage(), scope.function());
            telemetry::link(&span, scope.sender());
        }
        let future = async {
            let processed = process(record).await;
            if let Err(error) = &processed {
                tracing::error!(target: "hopguard", id, %error, "record failed");
            }
            processed.is_ok()
        };
        let future = future.instrument(span);
        let succeeded = match scope {
            Some(scope) => scope.run(future).await,
            None => future.await,
        };
        if !succeeded {
            failed.push(identifier());
        }
    }
    failed
}

/// The chain of a record that brought no lineage: the same on each delivery.
fn root_chain<R: BatchRecord>(record: &R, invocation: &Scope) -> ChainId {
    let xray = record.xray_header().and_then(|header| Xray::parse(&header).root);
    let named = || record.id().map(|id| ChainId::derived(record.source().name(), id.as_bytes()));
    xray.or_else(named).unwrap_or(invocation.lineage().chain)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use hopguard_core::event::Source;

    use super::*;

    struct Message(&'static str, Option<&'static str>);

    impl BatchRecord for Message {
        fn source(&self) -> Source {
            Source::Sqs
        }

        fn id(&self) -> Option<Cow<'_, str>> {
            (!self.0.is_empty()).then_some(Cow::Borrowed(self.0))
        }

        fn group(&self) -> Option<Cow<'_, str>> {
            self.1.map(Cow::Borrowed)
        }
    }

    fn failures(answer: &BatchAnswer) -> Vec<&str> {
        answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
    }

    #[tokio::test]
    async fn fifo_order_is_kept_and_a_failure_takes_the_rest_of_its_group_along() {
        let ran = Mutex::new(Vec::new());
        let records = [
            Message("a1", Some("a")),
            Message("b1", Some("b")),
            Message("a2", Some("a")),
            Message("b2", Some("b")),
            Message("a3", Some("a")),
        ];
        let answer = Guard::default()
            .each(records, |Message(id, _)| {
                let ran = &ran;
                async move {
                    tokio::task::yield_now().await;
                    ran.lock().unwrap().push(id);
                    if id == "a2" { Err("no") } else { Ok(()) }
                }
            })
            .await;
        assert_eq!(failures(&answer), ["a2", "a3"]);
        let ran = ran.into_inner().unwrap();
        let of = |group: char| ran.iter().filter(|id| id.starts_with(group)).copied().collect::<Vec<_>>();
        assert_eq!((of('a'), of('b')), (vec!["a1", "a2"], vec!["b1", "b2"]));
        assert_eq!(answer.into_result(), Err(super::super::BatchError { failed: 2 }));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_run_at_once_than_allowed() {
        let (now, most) = (Mutex::new(0), Mutex::new(0));
        let records = (0..20).map(|_| Message("", None));
        let answer = Guard::default()
            .each_concurrently(NonZeroUsize::new(3).unwrap(), records, |_| async {
                *now.lock().unwrap() += 1;
                let running = *now.lock().unwrap();
                most.lock().map(|mut highest| *highest = running.max(*highest)).unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
                *now.lock().unwrap() -= 1;
                Ok::<(), String>(())
            })
            .await;
        assert_eq!((answer, *most.lock().unwrap()), (BatchAnswer::default(), 3));
    }

    #[tokio::test]
    async fn a_record_without_a_name_fails_the_batch() {
        let answer = Guard::default().each([Message("", None)], |_| async { Err("no") }).await;
        assert_eq!(failures(&answer), [""]);
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#
        );
    }
}
