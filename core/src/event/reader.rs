use std::sync::Arc;

use super::event_bridge::Envelope;
use super::record::Record;
use super::search::Search;
use super::wrapped::Level;
use super::{Source, dynamodb, encoded, field, http, kinesis, s3, sns, sqs, wrapped};
use crate::json::{Cursor, Cut, Text};
use crate::propagator::Inbound;
use crate::signing::SigningKeys;

/// SQS delivers at most 10 records unless a larger batch is configured.
const USUAL_BATCH: usize = 10;

/// Reads events. Holds the signing keys and the byte searcher; cheap to clone, and shared by concurrent invocations.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    keys: Option<SigningKeys>,
    search: Search,
}

impl Reader {
    /// A reader that believes only tokens signed with one of these keys; without keys, every token but one that came over HTTP.
    pub fn new(keys: Option<SigningKeys>) -> Self {
        Self { inner: Arc::new(Inner { keys, search: Search::default() }) }
    }

    /// Reads an event's JSON. Never fails: what cannot be read has no lineage.
    pub fn read<'e>(&self, event: &'e [u8]) -> Event<'e> {
        let inner = &*self.inner;
        let source = inner.search.source(event);
        let found =
            inner.search.is_worth_a_walk(source, event).then(|| Walk::new(inner).event(event)).flatten();
        found.unwrap_or(Event { bytes: event, source, records: Vec::new(), is_list: true })
    }
}

/// An event, as far as it matters.
#[derive(Clone, Debug)]
pub struct Event<'e> {
    bytes: &'e [u8],
    source: Source,
    records: Vec<Record<'e>>,
    /// Whether `records` are the elements of a list in the event, or may be.
    is_list: bool,
}

impl<'e> Event<'e> {
    /// What delivered the event. Of an untouched event it is told from the first few kilobytes: good for a label.
    pub const fn source(&self) -> Source {
        self.source
    }

    /// Every record of the event, in order; one for an event that is no batch. Empty where nothing in the event can
    /// matter: then every record is a root.
    pub fn records(&self) -> &[Record<'e>] {
        &self.records
    }

    /// The same, to be kept beyond this value.
    pub fn into_records(self) -> Vec<Record<'e>> {
        self.records
    }

    /// Whether nothing in the event can matter.
    pub fn is_untouched(&self) -> bool {
        self.records.is_empty()
    }

    /// The whole event.
    pub const fn bytes(&self) -> &'e [u8] {
        self.bytes
    }

    /// The record's own JSON: an element of `Records`, or the whole event where that is no batch.
    pub fn json(&self, record: &Record<'e>) -> &'e [u8] {
        self.bytes.get(record.span.clone()).unwrap_or_default()
    }

    /// The event without the records that `blocked` names by their index; every byte of the others is kept, and so is
    /// their order. `None` where the event has no list of records.
    pub fn without(&self, blocked: impl Fn(usize) -> bool) -> Option<Vec<u8>> {
        let mut list = None;
        let mut cursor = Cursor::new(self.bytes);
        cursor.members(|key, cursor| {
            if key == b"Records" {
                let start = *cursor;
                list = (cursor.peek() == Some(b'[')).then(|| (start, cursor.span().end));
            }
        });
        let (mut list, end) = list.filter(|_| self.is_list && cursor.finish())?;
        let mut cut = Cut::new(self.bytes, 0);
        let mut nth = 0;
        list.elements(|cursor| {
            cut.item(cursor.span(), !blocked(nth));
            nth += 1;
        });
        if list.at() != end {
            // Its brackets do not match: whoever parses it will refuse it.
            return None;
        }
        Some(cut.finish())
    }
}

/// One walk over one event.
pub(super) struct Walk<'r> {
    inner: &'r Inner,
    /// Texts are unescaped or decoded into these, which all records share: a body, and the message of a notification in it.
    scratch: [Vec<u8>; 2],
}

impl<'r> Walk<'r> {
    fn new(inner: &'r Inner) -> Self {
        Self { inner, scratch: Default::default() }
    }

    pub(super) fn keys(&self) -> Option<&'r SigningKeys> {
        self.inner.keys.as_ref()
    }

    /// Reads the JSON in a string, where a walk of it could find anything.
    pub(super) fn unwrap(&mut self, text: &Text<'_>, level: Level, record: &mut Record<'_>) {
        if !wrapped::may_be_known(text.raw()) || !self.inner.search.is_worth_unwrapping(text.raw()) {
            return;
        }
        let mut json = std::mem::take(self.scratch(level));
        json.clear();
        if text.unescape_into(&mut json).is_some() {
            wrapped::read(self, &json, level, record);
        }
        *self.scratch(level) = json;
    }

    /// What a text encodes in base64, where our name could stand in it.
    pub(super) fn decode(&mut self, text: &Text<'_>) -> Option<&[u8]> {
        if !self.inner.search.is_worth_decoding(text.raw()) {
            return None;
        }
        let decoded = self.scratch(Level::Body);
        encoded::decode_into(&text.bytes()?, decoded)?;
        Some(decoded)
    }

    fn scratch(&mut self, level: Level) -> &mut Vec<u8> {
        let [body, message] = &mut self.scratch;
        match level {
            Level::Body => body,
            Level::Message => message,
        }
    }

    /// Reads the whole event; `None` where it is no JSON object, breaks off, or has nothing that matters.
    fn event<'e>(mut self, bytes: &'e [u8]) -> Option<Event<'e>> {
        let mut cursor = Cursor::new(bytes);
        let mut records = None;
        let mut bridge = Envelope::default();
        let mut field = None;
        let (mut is_http, mut headers, mut multi_headers) = (false, None, None);
        let is_object = cursor.members(|key, cursor| match key {
            b"Records" => records = self.records(cursor),
            b"requestContext" => is_http = true,
            b"headers" => headers = (cursor.peek() == Some(b'{')).then_some(*cursor),
            b"multiValueHeaders" => multi_headers = (cursor.peek() == Some(b'{')).then_some(*cursor),
            key if key == field::NAME.as_bytes() => field = Some(*cursor),
            key => bridge.member(key, cursor),
        });
        if !is_object || !cursor.finish() {
            return None;
        }
        let field = field.map(|mut field| field::read(&mut field).extract(self.keys()));
        // An empty list is no batch: what an invocation passed on with it still has its lineage.
        let mut records = records.unwrap_or_default();
        let is_list = !records.is_empty();
        let source = match records.first() {
            Some(first) => first.source,
            None if is_http => Source::Http,
            None if bridge.is_whole() => Source::EventBridge,
            None => Source::Invoke,
        };
        if !is_list {
            records.push(self.whole(source, bytes, bridge, headers.or(multi_headers)));
        }
        if let Some(field) = &field {
            // In an event of AWS's own shape it comes from who passed the event on by a direct invocation (nobody else can
            // write there), and counts for all of it.
            records.iter_mut().for_each(|record| record.believe(field.clone()));
        } else if records.iter().all(|record| record.source == Source::Other) {
            records.clear();
        }
        Some(Event { bytes, source, records, is_list })
    }

    /// The one record of an event that is no batch.
    fn whole<'e>(
        &mut self,
        source: Source,
        bytes: &'e [u8],
        bridge: Envelope<'e>,
        headers: Option<Cursor<'e>>,
    ) -> Record<'e> {
        let mut record = Record { span: 0..bytes.len(), ..Record::new(source) };
        match source {
            Source::Http => {
                record.inbound = headers
                    .map_or_else(Inbound::default, |mut headers| http::read(&mut headers, self.keys()));
            }
            Source::EventBridge => {
                record.id = bridge.id();
                let (inbound, object) = bridge.read(self);
                record.inbound = inbound;
                object.into_iter().for_each(|object| record.push_object(object));
            }
            _ => {}
        }
        record
    }

    /// Reads the elements of `Records`; `None` where that is no array.
    fn records<'e>(&mut self, cursor: &mut Cursor<'e>) -> Option<Vec<Record<'e>>> {
        let mut records = Vec::with_capacity(USUAL_BATCH);
        let mut ending = sqs::Ending::default();
        let is_array = cursor.elements(|cursor| {
            let start = cursor.at();
            let source = Source::of_record(*cursor);
            records.push(Record::new(source));
            let Some(record) = records.last_mut() else { return };
            match source {
                Source::Sqs => sqs::read(self, cursor, record, &mut ending),
                Source::Sns => sns::read(self, cursor, record),
                Source::S3 => s3::read(cursor, record),
                Source::Kinesis => kinesis::read(self, cursor, record),
                Source::DynamoDb => dynamodb::read(self, cursor, record),
                _ => {}
            }
            if cursor.at() == start {
                cursor.skip();
            }
            record.span = start..cursor.at();
        });
        is_array.then_some(records)
    }
}
