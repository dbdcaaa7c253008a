use std::collections::HashMap;
use std::hint::black_box;

use aws_lambda_events::kinesis::KinesisEvent;
use aws_lambda_events::sqs::SqsEvent;
use hopguard_core::event::{Reader, field};
use hopguard_core::propagator::{Outbound, Room, TRACEPARENT, TRACESTATE, inject};
use hopguard_core::{Policy, SigningKeys, Token};

use crate::events::{self, Carrier};
use crate::measure::Work;
use crate::table::{Case, Target};

const MB: usize = 1_000_000;

pub fn all() -> Vec<Case> {
    let keys = SigningKeys::parse("0123456789abcdef0123456789abcdef").expect("a key");
    let plain = Reader::new(None);
    let signed = Reader::new(Some(keys.clone()));
    let w3c = |keys| events::sqs(10, 1000, Carrier::W3c(keys));
    let mut cases = vec![
        sqs(
            "sqs 10 x 1 KB, no lineage",
            Target::Share(20.0),
            plain.clone(),
            events::sqs(10, 1000, Carrier::None),
            0,
        ),
        sqs("sqs 10 x 1 KB, lineage in each, judged", Target::Share(8.0), plain.clone(), w3c(None), 10),
        sqs(
            "sqs 10 x 1 KB, packed tokens, judged",
            Target::Share(8.0),
            plain.clone(),
            events::sqs(10, 1000, Carrier::Packed),
            10,
        ),
        sqs("sqs 10 x 1 KB, signed tokens, judged", Target::None, signed, w3c(Some(&keys)), 10),
        sqs(
            "sqs 10 x 1 KB, only AWSTraceHeader",
            Target::None,
            plain.clone(),
            events::sqs(10, 1000, Carrier::Xray),
            0,
        ),
        sqs(
            "sqs 10 x 1 KB, SNS wrapped, judged",
            Target::None,
            plain.clone(),
            events::sqs(10, 1000, Carrier::Wrapped),
            10,
        ),
        sqs(
            "sqs 10 x 100 KB, no lineage",
            Target::Share(20.0),
            plain.clone(),
            events::sqs(10, 100_000, Carrier::None),
            0,
        ),
        sqs(
            "sqs 10 x 100 KB, lineage in each, judged",
            Target::None,
            plain.clone(),
            events::sqs(10, 100_000, Carrier::W3c(None)),
            10,
        ),
        stream(
            "kinesis 100 x 1 KB, no lineage",
            Target::Share(10.0),
            plain.clone(),
            events::kinesis(100, false),
            0,
        ),
        stream(
            "kinesis 100 x 1 KB, lineage in each",
            Target::None,
            plain.clone(),
            events::kinesis(100, true),
            100,
        ),
        large(
            "6 MB event, one record",
            Target::Times(4.0),
            plain.clone(),
            events::sqs(1, 6 * MB, Carrier::None),
        ),
        large(
            "6 MB event, one record with lineage",
            Target::None,
            plain.clone(),
            events::sqs(1, 6 * MB, Carrier::W3c(None)),
        ),
        large("6 MB invoke payload", Target::Times(4.0), plain, events::invoke(6 * MB)),
    ];
    cases.extend(small());
    cases
}

/// Reads a batch of messages and judges what it found, against what a handler does with the same bytes in any case.
fn sqs(name: &'static str, target: Target, reader: Reader, event: Vec<u8>, expected: usize) -> Case {
    batch(name, target, reader, event, expected, |event| {
        black_box(serde_json::from_slice::<SqsEvent>(event).expect("an SQS event"));
    })
}

/// The same with records of a stream, whose data a handler has decoded for it.
fn stream(name: &'static str, target: Target, reader: Reader, event: Vec<u8>, expected: usize) -> Case {
    batch(name, target, reader, event, expected, |event| {
        black_box(serde_json::from_slice::<KinesisEvent>(event).expect("a Kinesis event"));
    })
}

fn batch(
    name: &'static str,
    target: Target,
    reader: Reader,
    event: Vec<u8>,
    expected: usize,
    deserialize: fn(&[u8]),
) -> Case {
    let (policy, function) = (Policy::default(), events::function());
    let bytes = event.clone();
    let judge = move || {
        let event = reader.read(black_box(&bytes));
        let lineages = event.records().iter().filter_map(|record| record.inbound.lineage);
        lineages.fold(0, |judged, lineage| {
            black_box(policy.judge(&lineage.arrive(function, policy.branch_credit), function));
            judged + 1
        })
    };
    assert_eq!(judge(), expected, "{name}: every lineage is found");
    Case {
        name,
        target,
        subject: Box::new(move || {
            black_box(judge());
        }),
        reference: Box::new(move || deserialize(black_box(&event))),
    }
}

/// Reads a large event, against one pass of `memchr` for a byte that is not in it.
fn large(name: &'static str, target: Target, reader: Reader, event: Vec<u8>) -> Case {
    let bytes = event.clone();
    Case {
        name,
        target,
        subject: Box::new(move || {
            black_box(reader.read(black_box(&bytes)));
        }),
        reference: Box::new(move || {
            black_box(memchr::memchr(0, black_box(&event)));
        }),
    }
}

/// What is done per record and per send, against formatting a header and putting it into a map.
fn small() -> Vec<Case> {
    let header = || -> Work {
        let parent = events::parent();
        Box::new(move || {
            let mut map = HashMap::with_capacity(4);
            map.insert(TRACEPARENT.to_owned(), events::formatted(black_box(&parent)));
            black_box(map);
        })
    };
    let case = |name, target, subject: Work| Case { name, target, subject, reference: header() };

    let (policy, function, lineage) = (Policy::default(), events::function(), events::lineage());
    let keys = SigningKeys::parse("0123456789abcdef0123456789abcdef").expect("a key");
    let (token, signed) = (events::token(None), events::token(Some(&keys)));
    let (verifying, signing) = (keys.clone(), keys);
    let outbound = Outbound { token, parent: events::parent(), others: "" };
    let payload = events::invoke(1000);
    let state = format!("{TRACESTATE}={token}");
    vec![
        case(
            "verdict, per record",
            Target::Nanos(200.0),
            Box::new(move || {
                let arrived = black_box(lineage).arrive(function, policy.branch_credit);
                black_box(policy.judge(&arrived, function));
            }),
        ),
        case(
            "token decode",
            Target::None,
            Box::new(move || {
                let _ = black_box(Token::decode(black_box(token.as_bytes()), None));
            }),
        ),
        case(
            "token decode, signed",
            Target::None,
            Box::new(move || {
                let _ = black_box(Token::decode(black_box(signed.as_bytes()), Some(&verifying)));
            }),
        ),
        case(
            "token encode",
            Target::None,
            Box::new(move || {
                black_box(Token::new(black_box(&lineage), None));
            }),
        ),
        case(
            "token encode, signed",
            Target::None,
            Box::new(move || {
                black_box(Token::new(black_box(&lineage), Some(&signing)));
            }),
        ),
        case(
            "inject into a map",
            Target::Times(2.0),
            Box::new(move || {
                let mut map = HashMap::with_capacity(4);
                black_box(inject(
                    &mut map,
                    Room { slots: 10, bytes: 100_000, overhead: 6 },
                    black_box(&outbound),
                ));
                black_box(map);
            }),
        ),
        case(
            "field into a payload of 1 KB",
            Target::None,
            Box::new(move || {
                black_box(field::write(
                    black_box(&payload),
                    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                    &state,
                ));
            }),
        ),
    ]
}
