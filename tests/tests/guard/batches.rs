//! Some records of a batch belong to a loop: they are kept from the handler, the others run once, and nothing is lost.

use anyhow::Result;
use hopguard_tests::{Draft, Function, Plan};
use serde_json::Value;

use crate::bed::{Bed, RETURN, SOON, assert_tripped, bodies, place, text, token};

/// The places of the looping chain's messages in a batch of ten.
const LOOPING: [usize; 3] = [2, 5, 8];

/// Ten messages: three of a chain that has visited the function five times, one that may come once more, one of a chain that knows
/// another function only, and five that bring nothing along.
fn ten(function: &Function) -> Vec<Draft> {
    let messages = (0..10).map(|place| {
        let message = Draft::new(body(place)).attribute("colour", "blau ü");
        match place {
            2 | 5 => message.attribute("hopguard", token(function, 5, 7)),
            8 => message
                .attribute("traceparent", "00-00000000000000000000000000000007-b7ad6b7169203331-01")
                .attribute("tracestate", format!("vendor=1,hopguard={}", token(function, 5, 7))),
            3 => message.attribute("hopguard", token(function, 4, 8)),
            4 => message.attribute("hopguard", token(function, 9, 9).replace(&id_of(function), "00c0ffee")),
            _ => message,
        }
    });
    messages.collect()
}

fn id_of(function: &Function) -> String {
    hopguard::core::FunctionId::from_arn(function.arn()).to_string()
}

/// Not what JSON writers would write, so that a body that was parsed and written anew is not the same.
fn body(place: usize) -> String {
    format!("{{ \"order\" : {place}, \"ü\":\"\\u00e9 \\\\ \\\"\"}}\n")
}

fn all(places: impl IntoIterator<Item = usize>) -> Vec<String> {
    places.into_iter().map(body).collect()
}

fn innocent() -> Vec<String> {
    all((0..10).filter(|place| !LOOPING.contains(place)))
}

fn ran(runs: &[Value]) -> Vec<String> {
    let mut texts: Vec<_> = runs.iter().map(text).collect();
    texts.sort_unstable();
    texts
}

#[tokio::test]
async fn three_of_ten_are_quarantined_and_seven_run_once() -> Result<()> {
    for (each, partial) in [(true, true), (false, false)] {
        let bed = Bed::start().await?;
        let queue = bed.cloud.queue("orders").create().await?;
        let plan = Plan { each, ..Plan::default() };
        let function = bed.function("orders", &plan).deploy().await?;
        queue.send_batch(ten(&function)).await?;
        let mapping = function.consume(&queue).batch_size(10);
        if partial {
            mapping.partial().create().await?
        } else {
            mapping.create().await?
        };

        assert_tripped(&function, "unreserved").await?;
        let runs = bed.settled().await?;
        assert_eq!(ran(&runs), innocent(), "each: {each}");
        assert!(runs.iter().all(|run| run["request"] == runs[0]["request"]), "they came as one batch");
        if each {
            let of = |order: usize| place(runs.iter().find(|run| text(run) == body(order)).unwrap());
            assert_eq!((of(0), of(3), of(4)), ((0, 1), (4, 5), (9, 1)));
        }

        let kept = bed.quarantine.holds(3, SOON).await?;
        assert_eq!(bodies(&kept), all(LOOPING));
        assert!(kept.iter().all(|message| message.attributes["colour"] == "blau ü"));
        assert!(queue.peek().await?.is_empty(), "all ten were acknowledged");
        let counts = ["Blocked", "Quarantined", "Failed"].map(|counter| bed.counter("orders", counter));
        assert_eq!(counts, [3, 3, 0]);
    }
    Ok(())
}

#[tokio::test]
async fn where_the_mapping_takes_failures_only_the_three_come_back() -> Result<()> {
    let bed = Bed::start().await?;
    let dead = bed.cloud.queue("dead").create().await?;
    let queue = bed.cloud.queue("orders").visibility(RETURN).redrive(&dead, 2).create().await?;
    let plan = Plan { each: true, ..Plan::default() };
    let function = bed.function("orders", &plan).env("HOPGUARD_ON_BLOCK", "fail").env("HOPGUARD_TRIP", "off");
    let function = function.deploy().await?;
    queue.send_batch(ten(&function)).await?;
    function.consume(&queue).batch_size(10).partial().create().await?;

    let kept = dead.holds(3, 6 * RETURN).await?;
    assert_eq!(bodies(&kept), all(LOOPING));
    assert_eq!(ran(&bed.settled().await?), innocent());
    assert!(queue.peek().await?.is_empty());
    let counts = ["Blocked", "Failed", "Quarantined"].map(|counter| bed.counter("orders", counter));
    assert_eq!(counts, [6, 6, 0], "two deliveries of each");
    assert!(bed.invocations("orders").iter().all(|invocation| invocation["failed"] == false));
    Ok(())
}

#[tokio::test]
async fn where_the_mapping_takes_no_failures_the_invocation_fails_and_nothing_is_lost() -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("orders").create().await?;
    let plan = Plan { each: true, ..Plan::default() };
    let function = bed.function("orders", &plan).env("HOPGUARD_ON_BLOCK", "fail").deploy().await?;
    queue.send_batch(ten(&function)).await?;
    function.consume(&queue).batch_size(10).create().await?;

    assert_tripped(&function, "unreserved").await?;
    assert_eq!(ran(&bed.settled().await?), innocent(), "the looping ones never ran");
    let invocations = bed.invocations("orders");
    assert_eq!(invocations.len(), 1);
    assert_eq!(invocations[0]["failed"], true);
    assert_eq!(bodies(&queue.peek().await?), all(0..10), "an acknowledgement would have deleted all ten");
    assert!(bed.quarantine.drain().await?.is_empty());
    Ok(())
}

/// Three groups; `!` marks the messages of the looping chain.
const GROUPED: [&str; 8] = ["a1", "b1", "a2!", "c1!", "b2", "a3", "c2", "b3"];

fn grouped(function: &Function) -> impl Iterator<Item = Draft> {
    let looping = token(function, 5, 7);
    GROUPED.into_iter().map(move |name| {
        let message = Draft::new(name).group(name.get(..1).unwrap_or_default());
        if name.ends_with('!') { message.attribute("hopguard", looping.clone()) } else { message }
    })
}

/// The names of one group's messages, in their order.
fn of_group<'n>(names: impl IntoIterator<Item = &'n String>, group: char) -> Vec<&'n str> {
    names.into_iter().map(String::as_str).filter(|name| name.starts_with(group)).collect()
}

#[tokio::test]
async fn in_a_fifo_queue_the_rest_of_a_failed_group_waits_in_order() -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("orders").fifo().create().await?;
    let plan = Plan { each: true, ..Plan::default() };
    let function = bed.function("orders", &plan).env("HOPGUARD_ON_BLOCK", "fail").deploy().await?;
    queue.send_batch(grouped(&function)).await?;
    function.consume(&queue).batch_size(10).partial().create().await?;

    assert_tripped(&function, "unreserved").await?;
    let ran: Vec<_> = bed.settled().await?.iter().map(text).collect();
    assert_eq!(of_group(&ran, 'a'), ["a1"]);
    assert_eq!(of_group(&ran, 'b'), ["b1", "b2", "b3"]);
    assert_eq!(of_group(&ran, 'c'), [""; 0]);
    let kept: Vec<_> = queue.peek().await?.into_iter().map(|message| message.body).collect();
    assert_eq!(kept, ["a2!", "c1!", "a3", "c2"], "in the queue's own order");
    Ok(())
}

#[tokio::test]
async fn in_a_fifo_queue_a_quarantined_message_leaves_its_group_in_order() -> Result<()> {
    let bed = Bed::start().await?;
    let queue = bed.cloud.queue("orders").fifo().create().await?;
    let quarantine = bed.cloud.queue("kept").fifo().create().await?;
    let plan = Plan { each: true, ..Plan::default() };
    let function =
        bed.function("orders", &plan).env("HOPGUARD_QUARANTINE", quarantine.url()).deploy().await?;
    queue.send_batch(grouped(&function)).await?;
    function.consume(&queue).batch_size(10).partial().create().await?;

    assert_tripped(&function, "unreserved").await?;
    let ran: Vec<_> = bed.settled().await?.iter().map(text).collect();
    assert_eq!(of_group(&ran, 'a'), ["a1", "a3"]);
    assert_eq!(of_group(&ran, 'b'), ["b1", "b2", "b3"]);
    assert_eq!(of_group(&ran, 'c'), ["c2"]);
    let kept = quarantine.drain().await?;
    let kept: Vec<_> = kept.iter().map(|message| (message.body.as_str(), message.group.as_deref())).collect();
    assert_eq!(kept, [("a2!", Some("a")), ("c1!", Some("c"))]);
    assert!(queue.peek().await?.is_empty());
    Ok(())
}
