use memchr::arch::all::packedpair::HeuristicFrequencyRank;
use memchr::memmem::{Finder, FinderBuilder};

use super::bare::Bare;
use super::source::{HEAD, WORDS};
use super::{Source, encoded};
use crate::json::Cursor;
use crate::propagator::HOPGUARD;

/// How much of each end of an event is searched for the words that tell of a trace only.
const ENDS: usize = 64 * 1024;

/// The byte search that says whether an event is worth a walk.
///
/// One pass of `memmem` for each word, at about the speed of memory: measured faster here than one pass of Teddy
/// (aho-corasick's packed searcher) over the same words, whose first bytes are common in JSON.
#[derive(Clone, Debug)]
pub(super) struct Search {
    bare: Bare,
    shapes: [Finder<'static>; WORDS.len()],
    ours: Finder<'static>,
    encoded: [Finder<'static>; 3],
    sequencer: Finder<'static>,
    traceparent: Finder<'static>,
    trace_header: Finder<'static>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            bare: Bare::default(),
            shapes: WORDS.map(Finder::new),
            ours: Finder::new(HOPGUARD),
            encoded: encoded::OURS.map(Finder::new),
            // Every S3 notification of a written or removed object has one, in S3's own form and in EventBridge's,
            // and hardly anything else does; `s3` itself stands in every ARN of a bucket.
            sequencer: FinderBuilder::new().build_forward_with_ranker(OfSequencer, "sequencer"),
            // `Traceparent` is a header as some clients write it.
            traceparent: Finder::new("raceparent"),
            trace_header: Finder::new("AWSTraceHeader"),
        }
    }
}

/// The bytes of `sequencer` that `memmem` looks for first: `q` and, four further, `c`. Its own ranking takes `q` and `u`,
/// which stand in every `quantity`.
struct OfSequencer;

impl HeuristicFrequencyRank for OfSequencer {
    fn rank(&self, byte: u8) -> u8 {
        match byte {
            b'q' => 0,
            b'c' => 1,
            _ => u8::MAX,
        }
    }
}

impl Search {
    /// Tells the source of an event. What a payload of the user's own is made of is walked over only where one of the words of a
    /// shape that is known stands in it.
    pub(super) fn source(&self, event: &[u8]) -> Source {
        let head = event.get(..HEAD).unwrap_or(event);
        let known = || self.shapes.iter().any(|word| word.find(head).is_some());
        if head.starts_with(b"{\"Records\"") || known() {
            return Source::sniff(head);
        }
        if Cursor::new(head).enter_object() { Source::Invoke } else { Source::Other }
    }

    /// Whether a walk could find anything in an event of this source.
    ///
    /// Lineage and objects are searched for in all of the event. A trace alone (a sender's span, AWS's header) is searched for
    /// in its first and last 64 KiB: a batch comes from one kind of sender, and a record's attributes stand at its end.
    pub(super) fn is_worth_a_walk(&self, source: Source, event: &[u8]) -> bool {
        match source {
            Source::S3 => true,
            Source::Sqs if self.bare.is_bare(event) => false,
            Source::Sqs => self.has_more(event) || has(&self.trace_header, event),
            Source::Sns | Source::EventBridge | Source::Http => self.has_more(event),
            // In data or, where the event was passed on, at its top level.
            Source::Kinesis => self.ours.find(event).is_some() || self.is_worth_decoding(event),
            Source::DynamoDb | Source::Invoke | Source::Other => self.ours.find(event).is_some(),
        }
    }

    /// Whether a walk could find anything in a text that is JSON inside a JSON string.
    pub(super) fn is_worth_unwrapping(&self, text: &[u8]) -> bool {
        self.has_more(text)
    }

    /// Whether our name could stand in what a text encodes in base64.
    pub(super) fn is_worth_decoding(&self, text: &[u8]) -> bool {
        self.encoded.iter().any(|ours| ours.find(text).is_some())
    }

    fn has_more(&self, bytes: &[u8]) -> bool {
        self.ours.find(bytes).is_some()
            || self.sequencer.find(bytes).is_some()
            || has(&self.traceparent, bytes)
    }
}

/// Whether a word stands at one of the ends.
fn has(word: &Finder<'_>, bytes: &[u8]) -> bool {
    match (bytes.first_chunk::<ENDS>(), bytes.last_chunk::<ENDS>()) {
        (Some(first), Some(last)) if bytes.len() > 2 * ENDS => {
            word.find(first).is_some() || word.find(last).is_some()
        }
        _ => word.find(bytes).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_event_without_a_known_word_is_what_a_walk_says(
            parts in prop::collection::vec(prop::sample::select(&PARTS[..]), 0..12),
            pad in 0..2 * HEAD,
        ) {
            let event = format!("{}{}{}", parts.concat(), " ".repeat(pad), parts.concat());
            for event in [event.as_str(), event.trim_start_matches('{')] {
                let head = &event.as_bytes()[..event.len().min(HEAD)];
                prop_assert_eq!(Search::default().source(event.as_bytes()), Source::sniff(head), "{}", event);
            }
        }
    }

    const PARTS: [&str; 16] = [
        "{",
        " {",
        "}",
        ",",
        "\"a\":1",
        "\"Records\":[{\"body\":\"\"}]",
        "\"Records\":",
        "\"requestContext\":{}",
        "\"detail-type\":\"x\"",
        "\"headers\":{}",
        "\"multiValueHeaders\":{}",
        "\"httpMethod\":\"GET\"",
        "\"routeKey\":\"\"",
        "\"x\":{\"headers\":[1]}",
        "[",
        "\"\\u0052ecords\":[]",
    ];

    #[test]
    fn each_source_has_its_words() {
        let all = Source::ALL;
        let cases: [(&str, &[Source]); 9] = [
            ("nothing, but an embrace and a trace", &[Source::S3]),
            ("hopguard", &all),
            ("traceparent", &[Source::Sqs, Source::Sns, Source::S3, Source::EventBridge, Source::Http]),
            (
                "a trace, then Traceparent",
                &[Source::Sqs, Source::Sns, Source::S3, Source::EventBridge, Source::Http],
            ),
            ("AWSTraceHeader", &[Source::Sqs, Source::S3]),
            ("sequencer", &[Source::Sqs, Source::Sns, Source::S3, Source::EventBridge, Source::Http]),
            ("data: eyJhIjoiaG9wZ3VhcmQifQ==", &[Source::S3, Source::Kinesis]),
            ("race", &[Source::S3]),
            ("a sequence of quenched queries", &[Source::S3]),
        ];
        let search = Search::default();
        for (text, expected) in cases {
            let worth: Vec<_> =
                all.into_iter().filter(|source| search.is_worth_a_walk(*source, text.as_bytes())).collect();
            assert_eq!(worth, expected, "{text}");
        }
    }

    #[test]
    fn of_a_large_event_the_ends_are_searched_for_traces_and_all_of_it_for_lineage() {
        let search = Search::default();
        let pad = " ".repeat(2 * ENDS);
        let worth = |event: String| search.is_worth_a_walk(Source::Sqs, event.as_bytes());
        assert!(worth(format!("{pad}hopguard{pad}")) && worth(format!("{pad}sequencer{pad}")));
        assert!(worth(format!("traceparent{pad}")) && worth(format!("{pad}AWSTraceHeader")));
        assert!(!worth(format!("{pad}traceparent{pad}")));
    }
}
