use std::collections::HashSet;

use crate::breaker::Block;
use crate::event::{Event, Source};
use crate::lineage::Lineage;
use crate::policy::Reason;
use crate::settings::{OnBlock, Settings};
use crate::token::Token;

use super::{Arrival, is_synchronous};

/// One record that the policy blocked, on its own: the event is gone by the time that it is disposed of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BlockedRecord {
    /// What delivered it.
    pub source: Source,
    /// Its JSON: an element of `Records`, or the whole event.
    pub json: Vec<u8>,
    /// What names it on every delivery.
    pub id: Option<String>,
    /// Its FIFO group.
    pub group: Option<String>,
    /// The ARN of what it came through.
    pub origin: Option<String>,
    /// Where it stands in its chain.
    pub lineage: Lineage,
    /// Why it was blocked.
    pub reason: Reason,
    /// The token that it came with.
    pub token: String,
    /// The sender waits for the answer: the record cannot be set aside behind its back.
    pub synchronous: bool,
    /// Its place in the event.
    pub index: usize,
}

impl BlockedRecord {
    /// Record `index` of an event.
    pub fn of_record(
        event: &Event<'_>,
        index: usize,
        arrival: &Arrival,
        reason: Reason,
        settings: &Settings,
    ) -> Option<Self> {
        let record = event.records().get(index)?;
        let owned = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
        Some(Self {
            json: event.json(record).to_vec(),
            id: owned(&record.id),
            group: owned(&record.group),
            origin: owned(&record.origin),
            synchronous: is_synchronous(record),
            index,
            ..Self::new(record.source, arrival, reason, settings)
        })
    }

    /// A whole invocation whose synchronous caller waits for its answer.
    pub fn of_call(arrival: &Arrival, reason: Reason, settings: &Settings) -> Self {
        Self { synchronous: true, ..Self::new(Source::Invoke, arrival, reason, settings) }
    }

    fn new(source: Source, arrival: &Arrival, reason: Reason, settings: &Settings) -> Self {
        let token = arrival.inbound.lineage.map(|sent| Token::new(&sent, settings.signing_keys.as_ref()));
        Self {
            source,
            json: Vec::new(),
            id: None,
            group: None,
            origin: None,
            lineage: arrival.lineage,
            reason,
            token: token.map(|token| token.to_string()).unwrap_or_default(),
            synchronous: false,
            index: 0,
        }
    }

    /// What its owner chose for it. A caller that waits for the answer has to be told.
    pub fn chosen(&self, settings: &Settings) -> OnBlock {
        if self.synchronous { OnBlock::Fail } else { settings.on_block }
    }

    /// What the breaker is told.
    pub const fn block(&self) -> Block {
        Block { chain: self.lineage.chain, hop: self.lineage.hop, reason: self.reason }
    }

    /// Whether Lambda was invoked asynchronously with it: at concurrency 0 it retries nothing of that.
    pub fn is_asynchronous(&self) -> bool {
        !self.source.is_polled() && !self.synchronous
    }
}

/// What became of a blocked record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the quarantine queue.
    Quarantined,
    /// Its owner wanted it acknowledged.
    Dropped,
    /// It goes back to its source.
    Failed,
}

/// What the answer has to say of records that the handler did not get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Withheld {
    /// Their identifiers, for `batchItemFailures`.
    pub failed: Vec<String>,
    /// How many were blocked, and why: the invocation has to fail, so that nothing is acknowledged that nobody processed.
    pub fail_invocation: Option<(usize, Reason)>,
    /// Whether the source takes a list of failures for its answer.
    pub batch: bool,
}

/// The blocked records that go back to their source, and those that follow them.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The indexes of all records that the handler does not get.
    pub out: HashSet<usize>,
    /// How many blocked records failed, and why the first.
    failed: Option<(usize, Reason)>,
    /// What the first came through.
    origin: Option<String>,
    ids: Vec<String>,
    all_named: bool,
    batch: bool,
}

impl Failed {
    /// Takes the fates of the blocked records of an event, in their order, into account. In FIFO order: after the first failed
    /// record of a group, the rest of that group fails too. Of a stream everything after the first failed record does: Lambda
    /// goes on from the lowest sequence number in the answer, and brings all that follow it again, also those that were moved.
    pub fn new(event: &Event<'_>, blocked: &[BlockedRecord], fates: &[Fate]) -> Self {
        let mut out: HashSet<usize> = blocked.iter().map(|record| record.index).collect();
        let failed: Vec<&BlockedRecord> = blocked
            .iter()
            .zip(fates)
            .filter(|(_, fate)| **fate == Fate::Failed)
            .map(|(record, _)| record)
            .collect();
        let is_stream = event.source().is_stream();
        let named = if is_stream { failed.get(..1).unwrap_or_default() } else { &failed };
        let all_named = named.iter().all(|record| record.id.is_some());
        let mut ids: Vec<String> = named.iter().filter_map(|record| record.id.clone()).collect();
        if let (true, Some(lowest)) = (is_stream, failed.first()) {
            out.extend(lowest.index..event.records().len());
        }
        for (index, record) in event.records().iter().enumerate() {
            let Some(group) = record.group.as_deref() else { continue };
            let follows =
                failed.iter().any(|failed| failed.index < index && failed.group.as_deref() == Some(group));
            if follows && out.insert(index) {
                ids.extend(record.id.as_deref().map(str::to_owned));
            }
        }
        Self {
            out,
            failed: failed.first().map(|first| (failed.len(), first.reason)),
            origin: failed.first().and_then(|first| first.origin.clone()),
            ids,
            all_named,
            batch: event.takes_failures(),
        }
    }

    /// Whether it matters that the event source mapping really takes a list of failures, and what the records came through:
    /// the caller asks Lambda then.
    pub fn question(&self) -> Option<Option<&str>> {
        (self.failed.is_some() && self.batch && self.all_named).then_some(self.origin.as_deref())
    }

    /// What the answer has to say. `takes_failures` is the answer to the [`question`](Self::question).
    pub fn withheld(&self, takes_failures: bool) -> Withheld {
        let partial = takes_failures && self.question().is_some();
        Withheld {
            failed: if partial { self.ids.clone() } else { Vec::new() },
            fail_invocation: if partial { None } else { self.failed },
            batch: self.batch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::ChainId;
    use crate::event::Reader;
    use crate::function::FunctionId;

    fn blocked(event: &Event<'_>, index: usize) -> BlockedRecord {
        let arrival = Arrival::root(ChainId::new(1).unwrap(), FunctionId::from_bits(1), 0);
        BlockedRecord::of_record(event, index, &arrival, Reason::BranchCredit, &Settings::default()).unwrap()
    }

    fn fifo() -> String {
        let record = |id: &str, group: &str| {
            format!(
                r#"{{"messageId":"{id}","body":"hopguard","attributes":{{"MessageGroupId":"{group}"}},"eventSource":"aws:sqs","eventSourceARN":"arn:q"}}"#
            )
        };
        format!(
            r#"{{"Records":[{},{},{},{}]}}"#,
            record("1", "a"),
            record("2", "b"),
            record("3", "a"),
            record("4", "b")
        )
    }

    #[test]
    fn the_rest_of_a_failed_group_fails_too() {
        let json = fifo();
        let event = Reader::default().read(json.as_bytes());
        let records = [blocked(&event, 0)];
        let failed = Failed::new(&event, &records, &[Fate::Failed]);
        assert_eq!(failed.out, HashSet::from([0, 2]));
        assert_eq!(failed.question(), Some(Some("arn:q")));
        let partial = failed.withheld(true);
        assert_eq!((partial.failed, partial.fail_invocation), (vec!["1".to_owned(), "3".to_owned()], None));
        assert_eq!(failed.withheld(false).fail_invocation, Some((1, Reason::BranchCredit)));
    }

    #[test]
    fn what_was_moved_fails_nothing() {
        let json = fifo();
        let event = Reader::default().read(json.as_bytes());
        let records = [blocked(&event, 0)];
        for fate in [Fate::Quarantined, Fate::Dropped] {
            let failed = Failed::new(&event, &records, &[fate]);
            assert_eq!((failed.out.clone(), failed.question()), (HashSet::from([0]), None));
            assert_eq!(failed.withheld(true), Withheld { batch: true, ..Withheld::default() });
        }
    }

    #[test]
    fn of_a_stream_everything_after_the_lowest_failed_record_comes_again() {
        let kinesis = |nth: usize| {
            format!(
                r#"{{"kinesis":{{"sequenceNumber":"{nth}","data":""}},"eventSource":"aws:kinesis","eventSourceARN":"arn:s"}}"#
            )
        };
        let dynamodb = |nth: usize| {
            format!(
                r#"{{"dynamodb":{{"SequenceNumber":"{nth}"}},"eventSource":"aws:dynamodb","eventSourceARN":"arn:s"}}"#
            )
        };
        let streams: [&dyn Fn(usize) -> String; 2] = [&kinesis, &dynamodb];
        for stream in streams {
            let records: Vec<String> = (0..6).map(stream).collect();
            let token = "01-0af7651916cd43dd8448eb211c80319c-3-256-68fd508a:2";
            let json = format!(r#"{{"hopguard":"{token}","Records":[{}]}}"#, records.join(","));
            let event = Reader::default().read(json.as_bytes());
            let records = [blocked(&event, 1), blocked(&event, 2), blocked(&event, 4)];
            assert!(event.takes_failures() && !records[0].is_asynchronous());

            let failed = Failed::new(&event, &records, &[Fate::Quarantined, Fate::Failed, Fate::Quarantined]);
            assert_eq!(failed.out, HashSet::from([1, 2, 3, 4, 5]));
            assert_eq!(failed.question(), Some(Some("arn:s")));
            let partial = failed.withheld(true);
            assert_eq!((partial.failed, partial.fail_invocation), (vec!["2".to_owned()], None));
            assert_eq!(failed.withheld(false).fail_invocation, Some((1, Reason::BranchCredit)));

            let moved = Failed::new(&event, &records, &[Fate::Quarantined, Fate::Dropped, Fate::Quarantined]);
            assert_eq!((moved.out.clone(), moved.question()), (HashSet::from([1, 2, 4]), None));
            assert!(moved.withheld(true).failed.is_empty());
        }
    }

    #[test]
    fn a_record_of_a_stream_without_a_sequence_number_fails_the_invocation() {
        let json = r#"{"hopguard":"01-0af7651916cd43dd8448eb211c80319c-3-256-68fd508a:2","Records":[{"kinesis":{},"eventSource":"aws:kinesis"}]}"#;
        let event = Reader::default().read(json.as_bytes());
        let failed = Failed::new(&event, &[blocked(&event, 0)], &[Fate::Failed]);
        assert_eq!((failed.question(), failed.withheld(true).failed), (None, vec![]));
        assert_eq!(failed.withheld(true).fail_invocation, Some((1, Reason::BranchCredit)));
    }

    #[test]
    fn a_caller_that_waits_is_told() {
        let arrival = Arrival::root(ChainId::new(1).unwrap(), FunctionId::from_bits(1), 0);
        let settings = Settings { on_block: OnBlock::Drop, ..Settings::default() };
        let call = BlockedRecord::of_call(&arrival, Reason::BranchCredit, &settings);
        assert_eq!((call.chosen(&settings), call.is_asynchronous()), (OnBlock::Fail, false));
        let json = fifo();
        let event = Reader::default().read(json.as_bytes());
        assert_eq!(blocked(&event, 0).chosen(&settings), OnBlock::Drop);
    }
}
