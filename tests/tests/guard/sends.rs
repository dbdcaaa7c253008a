//! A send never breaks, whatever the message already has; each outcome is counted.

use std::collections::HashMap;

use anyhow::Result;
use hopguard::core::propagator::Fields;
use hopguard::core::{ChainId, FunctionId, Lineage, Token};
use hopguard_tests::{Draft, Dress, Message, Plan, Send};

use crate::bed::{Bed, SOON, one_environment};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
const OUTCOMES: [&str; 5] = ["Written", "Replaced", "Packed", "NoRoom", "Unsupported"];

/// What a function sends, what it counts ([`OUTCOMES`]), and how many attributes the message then has.
struct Case {
    name: &'static str,
    dress: Dress,
    outcome: &'static str,
    attributes: usize,
}

fn cases() -> Vec<Case> {
    let case = |name, dress, outcome, attributes| Case { name, dress, outcome, attributes };
    let stale = stale();
    let state = format!("vendor=1,hopguard={stale},other=2");
    vec![
        case("none", Dress::own(0), "Written", 2),
        case("eight", Dress::own(8), "Written", 10),
        case("nine", Dress::own(9), "Packed", 10),
        case("ten", Dress::own(10), "NoRoom", 10),
        case("own parent", Dress::own(8).and("traceparent", PARENT), "Written", 10),
        case("own parent, full", Dress::own(9).and("traceparent", PARENT), "NoRoom", 10),
        case(
            "own trace",
            Dress::own(8).and("traceparent", PARENT).and("tracestate", "vendor=1"),
            "Written",
            10,
        ),
        case(
            "stale state",
            Dress::own(8).and("traceparent", PARENT).and("tracestate", &state),
            "Replaced",
            10,
        ),
        case("stale packed", Dress::own(7).and("hopguard", &stale), "Replaced", 9),
        case("stale packed, full", Dress::own(9).and("hopguard", &stale), "Packed", 10),
    ]
}

/// A token of a chain that has nothing to do with the test's.
fn stale() -> String {
    let function = FunctionId::from_bits(1);
    let lineage = Lineage::root(ChainId::new(99).unwrap(), function, 256);
    Token::new(&(0..40).fold(lineage, |lineage, _| lineage.arrive(function, 256)), None).to_string()
}

/// What the receiver reads.
fn lineage(attributes: &HashMap<String, String>) -> Option<Lineage> {
    let text = |name: &str| attributes.get(name).map(String::as_str);
    let fields =
        Fields { traceparent: text("traceparent"), tracestate: text("tracestate"), packed: text("hopguard") };
    fields.extract(None).lineage
}

fn assert_as_sent(case: &Case, message: &Message, function: FunctionId) {
    let (name, held) = (case.name, &message.attributes);
    assert_eq!(held.len(), case.attributes, "{name}: {held:?}");
    for (own, value) in case.dress.attributes.iter().filter(|(own, _)| own.starts_with("own-")) {
        assert_eq!(held.get(own), Some(value), "{name}");
    }
    if let Some(parent) = case.dress.attributes.get("traceparent") {
        assert_eq!(held.get("traceparent"), Some(parent), "{name}: an own traceparent is kept");
    }
    if let Some(state) = case.dress.attributes.get("tracestate") {
        let others: Vec<_> = state.split(',').filter(|member| !member.starts_with("hopguard")).collect();
        let members: Vec<_> = held["tracestate"].split(',').collect();
        assert!(members[0].starts_with("hopguard="), "{name}: {members:?}");
        assert_eq!(members[1..], others, "{name}");
    }
    let read = lineage(held);
    if case.outcome == "NoRoom" {
        assert_eq!(read, None, "{name}");
    } else {
        let read = read.unwrap();
        assert_eq!(
            (read.hop, read.visits.of(function), read.visits.len()),
            (0, 1, 1),
            "{name}: no stale token"
        );
    }
}

/// How many of the cases come to each of [`OUTCOMES`].
fn expected(cases: &[Case]) -> [u64; 5] {
    OUTCOMES.map(|outcome| cases.iter().filter(|case| case.outcome == outcome).count() as u64)
}

#[tokio::test]
async fn with_every_number_of_attributes_and_stale_tokens() -> Result<()> {
    let bed = Bed::start().await?;
    let cases = cases();
    let dresses = || cases.iter().map(|case| case.dress.clone());

    // By themselves and in one call, to a queue and to a topic.
    let (single, batch) =
        (bed.cloud.queue("single").create().await?, bed.cloud.queue("batch").create().await?);
    let (topic_single, topic_batch) = (bed.cloud.topic("single").await?, bed.cloud.topic("batch").await?);
    let (raw_single, raw_batch) =
        (bed.cloud.queue("raw-single").create().await?, bed.cloud.queue("raw-batch").create().await?);
    topic_single.subscribe_raw(&raw_single).await?;
    topic_batch.subscribe_raw(&raw_batch).await?;
    let one_by_one = |target: &str| {
        let send = |dress| Send::Dressed { target: target.to_owned(), messages: vec![dress] };
        dresses().map(send).collect::<Vec<_>>()
    };
    let at_once =
        |target: &str| vec![Send::Dressed { target: target.to_owned(), messages: dresses().collect() }];
    let runs = [
        ("sqs", one_by_one(single.url()), single),
        ("sqs-batch", at_once(batch.url()), batch),
        ("sns", one_by_one(topic_single.arn()), raw_single),
        ("sns-batch", at_once(topic_batch.arn()), raw_batch),
    ];
    for (name, sends, queue) in runs {
        let function = bed.function(name, &Plan { sends, ..Plan::default() }).deploy().await?;
        let answer = function.invoke(&serde_json::json!({"order": 1})).await?;
        assert_eq!(answer.error, None, "{name}: {}", answer.payload);
        let held = queue.holds(cases.len(), SOON).await?;
        assert_eq!(held.len(), cases.len(), "{name}");
        for (case, message) in cases.iter().zip(&held) {
            assert_as_sent(case, message, FunctionId::from_arn(function.arn()));
        }
        bed.ended(1, name).await?;
        assert_eq!(OUTCOMES.map(|outcome| bed.counter(name, outcome)), expected(&cases), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn with_the_attributes_of_the_message_that_came() -> Result<()> {
    let bed = Bed::start().await?;
    let (inbox, outbox) =
        (bed.cloud.queue("inbox").create().await?, bed.cloud.queue("outbox").create().await?);
    let copy = Dress { copied: true, ..Dress::default() };
    let plan = Plan::forward(Send::Dressed { target: outbox.url().to_owned(), messages: vec![copy] });
    let function = bed.function("forwarder", &plan).deploy().await?;
    let id = FunctionId::from_arn(function.arn());

    // What a function upstream sent at hop 6 of its chain: as the pair, packed, and packed into the last slot.
    let upstream = FunctionId::from_bits(1);
    let root = Lineage::root(ChainId::new(7).unwrap(), upstream, 256);
    let sent = Lineage { hop: 6, ..root };
    let sent = Token::new(&sent, None).to_string();
    let own = |count| (0..count).map(|nth| (format!("own-{nth}"), "x".to_owned()));
    let with = |body: &str, own: Vec<(String, String)>| {
        own.into_iter().fold(Draft::new(body), |draft, (name, value)| draft.attribute(name, value))
    };
    let pair = with("pair", own(8).collect()).attribute("traceparent", PARENT);
    inbox.send(pair.attribute("tracestate", format!("hopguard={sent},vendor=1"))).await?;
    inbox.send(with("packed", own(3).collect()).attribute("hopguard", &sent)).await?;
    inbox.send(with("full", own(9).collect()).attribute("hopguard", &sent)).await?;
    one_environment(&function).await?;
    function.consume(&inbox).partial().create().await?;

    let held = outbox.holds(3, SOON).await?;
    for (message, attributes) in held.iter().zip([10, 5, 10]) {
        let read = lineage(&message.attributes).unwrap();
        assert_eq!((read.chain.bits(), read.hop), (7, 7), "{}: one hop, not two", message.body);
        assert_eq!((read.visits.of(upstream), read.visits.of(id)), (1, 1), "{}", message.body);
        assert_eq!(message.attributes.len(), attributes, "{}: {:?}", message.body, message.attributes);
    }
    assert_eq!(held[0].attributes["traceparent"], PARENT);
    assert!(held[0].attributes["tracestate"].ends_with(",vendor=1"));
    bed.settled().await?;
    assert_eq!(OUTCOMES.map(|outcome| bed.counter("forwarder", outcome)), [0, 2, 1, 0, 0]);
    Ok(())
}
