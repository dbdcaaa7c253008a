use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use hopguard::core::{Counter, Lineage, Token};
use hopguard::{BatchAnswer, Guard, InLineage as _, Scope};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use tokio::sync::Barrier;

use crate::event::{attributes, chain, function, looping, message, parent, sqs, sqs_of};
use crate::invocation::{invoke, within};
use crate::runtime;
use crate::scenario::By;
use crate::server::{Request, Server};
use crate::wire::{aws, lineage_in, sqs::attributes_of, sqs::client};

async fn send(client: &Client, body: &str) {
    client.send_message().queue_url("http://q/1/q").message_body(body).send().await.unwrap();
}

/// The lineage of each message that was sent, by its body; two with one body have two places.
fn sent(server: &Server) -> BTreeMap<String, Vec<Option<Lineage>>> {
    let mut sent: BTreeMap<String, Vec<Option<Lineage>>> = BTreeMap::new();
    for request in server.take() {
        let body = serde_json::from_slice::<serde_json::Value>(&request.body).unwrap()["MessageBody"]
            .as_str()
            .unwrap()
            .to_owned();
        sent.entry(body).or_default().push(lineage_in(&attributes_of(&request)));
    }
    sent
}

/// Chain, hop and visits of the function under test.
fn place(lineage: &Lineage) -> (u128, u32, u16) {
    (lineage.chain.bits(), lineage.hop, lineage.visits.of(function()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_invocations_at_once_do_not_mix() {
    let server = Arc::new(Server::start(aws).await);
    let guard = Guard::default();
    let both = Arc::new(Barrier::new(2));
    let invocations = [(1, 2), (2, 5)].map(|(bits, visits)| {
        let (guard, both) = (guard.clone(), Arc::clone(&both));
        let client = client(&server, Some(guard.clone()));
        // On two threads, each sending while the other runs.
        tokio::spawn(async move {
            let work = || async {
                for _ in 0..20 {
                    both.wait().await;
                    send(&client, &bits.to_string()).await;
                }
                place(&Scope::current().unwrap().lineage())
            };
            within(&guard, &sqs_of(&looping(bits, visits)), work).await
        })
    });
    let [first, second] = invocations;
    assert_eq!((first.await.unwrap(), second.await.unwrap()), ((1, 2, 3), (2, 5, 6)));
    let sent = sent(&server);
    for (body, expected) in [("1", (1, 2, 3)), ("2", (2, 5, 6))] {
        let places: Vec<_> = sent[body].iter().flatten().map(place).collect();
        assert_eq!(places, vec![expected; 20]);
    }
    assert!(Scope::current().is_none());
}

#[tokio::test]
async fn one_task_may_poll_two_invocations() {
    let guard = Guard::default();
    let both = Barrier::new(2);
    let work = async |bits: u128| {
        let both = &both;
        let work = || async move {
            both.wait().await;
            let lineage = Scope::current().unwrap().lineage();
            both.wait().await;
            assert_eq!(lineage, Scope::current().unwrap().lineage());
            lineage.chain
        };
        within(&guard, &sqs_of(&looping(bits, 1)), work).await
    };
    assert_eq!(tokio::join!(work(1), work(2)), (chain(1), chain(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_managed_instance_does_not_mix_what_it_runs_at_once() {
    let events = [(1, 2), (2, 5)].map(|(bits, visits)| sqs_of(&looping(bits, visits)));
    for by in By::GUARDED {
        let answers = runtime::run("two at once", by, 2, &events).await;
        let token = |answer: &Request| serde_json::from_slice::<String>(&answer.body).unwrap();
        let place = |answer| place(&Token::decode(token(answer).as_bytes(), None).unwrap());
        let found: Vec<_> = answers.iter().map(place).collect();
        assert_eq!(found, [(1, 2, 3), (2, 5, 6)], "{by:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spawned_work_keeps_its_lineage_where_it_is_told_to() {
    let server = Server::start(aws).await;
    let guard = Guard::default();
    let client = client(&server, Some(guard.clone()));
    let work = || async {
        let (kept, lost) = (client.clone(), client.clone());
        tokio::spawn(async move { send(&kept, "kept").await }.in_lineage()).await.unwrap();
        tokio::spawn(async move { send(&lost, "lost").await }).await.unwrap();
    };
    within(&guard, &sqs_of(&looping(4, 2)), work).await;
    let sent = sent(&server);
    assert_eq!((sent["kept"][0].as_ref().map(place), sent["lost"][0]), (Some((4, 2, 3)), None));
    assert_eq!((guard.counters().value(Counter::Written), guard.counters().value(Counter::NoScope)), (1, 1));
}

#[tokio::test]
async fn spawned_work_may_outlive_its_invocation() {
    let guard = Guard::default();
    let over = Arc::new(Barrier::new(2));
    let waiting = Arc::clone(&over);
    let work = || async {
        let late = async move {
            waiting.wait().await;
            Scope::current().unwrap().lineage().chain
        };
        (tokio::spawn(late.in_lineage()),)
    };
    let late = within(&guard, &sqs_of(&looping(1, 1)), work).await.0;
    let next = || async {
        over.wait().await;
        Scope::current().unwrap().lineage().chain
    };
    let next = within(&guard, &sqs_of(&looping(2, 1)), next).await;
    assert_eq!((next, late.await.unwrap()), (chain(2), chain(1)));
}

#[tokio::test]
async fn the_records_of_a_batch_do_not_mix_and_the_batch_itself_is_their_merge() {
    let server = Server::start(aws).await;
    let guard = Guard::default();
    let client = client(&server, Some(guard.clone()));
    // The first six come with a chain of their own, the others with none.
    let carried = |nth: u16| looping(u128::from(nth) + 1, nth + 1);
    let messages = (0..10).map(|nth| {
        let lineage = if nth < 6 { attributes(&carried(nth), parent(9, 9)) } else { serde_json::json!({}) };
        message(&format!("m{nth}"), &nth.to_string(), lineage)
    });
    // All ten run at once.
    let all = Barrier::new(10);
    let handler = service_fn(async |event: LambdaEvent<SqsEvent>| {
        let answer = guard.each(event.payload.records, async |message: SqsMessage| {
            let body = message.body.unwrap();
            for _ in 0..2 {
                all.wait().await;
                send(&client, &body).await;
            }
            Ok::<_, Error>(())
        });
        let answer = answer.await;
        send(&client, "whole").await;
        Ok::<_, Error>(answer)
    });
    let response = invoke(guard.wrap(handler), &sqs(messages)).await;
    assert!(matches!(
        response.unwrap(),
        lambda_runtime::FunctionResponse::BufferedResponse(hopguard::Answer::Handler(answer)) if answer == BatchAnswer::default()
    ));

    let sent = sent(&server);
    assert_eq!(sent.len(), 11);
    for nth in 0..6 {
        let expected = (u128::from(nth) + 1, u32::from(nth) + 1, nth + 2);
        let places: Vec<_> = sent[&nth.to_string()].iter().flatten().map(place).collect();
        assert_eq!(places, [expected; 2], "record {nth}");
    }
    let mut roots: Vec<_> =
        (6..10).flat_map(|nth| sent[&nth.to_string()].iter().flatten().map(place)).collect();
    roots.dedup();
    assert!(roots.len() == 4 && roots.iter().all(|(_, hop, visits)| (*hop, *visits) == (0, 1)), "{roots:?}");
    let whole = sent["whole"][0].unwrap();
    assert_eq!(place(&whole), (6, 6, 7), "the highest hop and its chain, the highest visits");
}

#[tokio::test]
async fn a_merge_takes_the_highest_visits_of_each_function() {
    let other = hopguard::core::FunctionId::from_bits(7);
    // Far along in one chain, and often at another function in the other.
    let far = looping(1, 3)
        .arrive(hopguard::core::FunctionId::from_bits(8), 256)
        .arrive(hopguard::core::FunctionId::from_bits(8), 256);
    let often = (0..3).fold(looping(2, 1), |lineage, _| lineage.arrive(other, 256));
    let messages =
        [("a", far), ("b", often)].map(|(id, lineage)| message(id, "", attributes(&lineage, parent(9, 9))));
    let merged =
        within(&Guard::default(), &sqs(messages), || async { Scope::current().unwrap().lineage() }).await;
    assert_eq!((merged.chain, merged.hop), (chain(1), far.hop + 1));
    assert_eq!((merged.visits.of(function()), merged.visits.of(other)), (4, 3));
}
