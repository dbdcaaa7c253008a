//! What a scope sends to the very source that feeds it comes back: it shares the branch credit from the root on. Everything else
//! takes the whole credit along.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use hopguard::Guard;
use hopguard::core::{Credit, Token};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use percent_encoding::percent_decode;
use serde_json::json;

use crate::event::{attributes, looping, message, parent, s3_put, sqs};
use crate::invocation::{invoke, within};
use crate::server::{Request, Server};
use crate::wire::{aws, sqs::client};

/// The credits of the tokens in these requests, in order.
fn credits(requests: &[Request]) -> Vec<Credit> {
    let mut credits = Vec::new();
    for request in requests {
        let headers = request.headers.values().cloned();
        let body = percent_decode(&request.body).decode_utf8_lossy().into_owned();
        for text in headers.chain([body]) {
            let tokens = text.split("hopguard=").skip(1);
            let end = |token: &str| token.find(['"', ',', '&', '\\']).unwrap_or(token.len());
            credits.extend(
                tokens.map(|token| Token::decode(&token.as_bytes()[..end(token)], None).expect(token).credit),
            );
        }
    }
    credits
}

fn guard(server: &Server, credit: u32) -> Guard {
    let guard = Guard::builder().variables([("HOPGUARD_BRANCH_CREDIT", credit.to_string())]).unwrap();
    guard.sdk_config(server.sdk_config()).build()
}

/// Sends twice to each of these, by the service that the name begins with.
async fn send_to(server: &Server, guard: &Guard, targets: &[&str]) -> Vec<Credit> {
    let config = server.sdk_config();
    for target in targets.iter().flat_map(|target| [target; 2]) {
        let (service, name) = target.split_once(' ').unwrap();
        match service {
            "sqs" => {
                let send = client(server, Some(guard.clone())).send_message().queue_url(name);
                send.message_body("b").send().await.unwrap();
            }
            "sns" => {
                let config = aws_sdk_sns::config::Builder::from(&config).interceptor(guard.propagator());
                let publish = aws_sdk_sns::Client::from_conf(config.build()).publish().topic_arn(name);
                publish.message("m").send().await.unwrap();
            }
            "s3" => {
                let config = aws_sdk_s3::config::Builder::from(&config).interceptor(guard.propagator());
                let client = aws_sdk_s3::Client::from_conf(config.force_path_style(true).build());
                client.put_object().bucket(name).key("k").send().await.unwrap();
            }
            _ => {
                let config = aws_sdk_lambda::config::Builder::from(&config).interceptor(guard.propagator());
                let invoke = aws_sdk_lambda::Client::from_conf(config.build()).invoke().function_name(name);
                let invoke = invoke.invocation_type(InvocationType::Event).payload(Blob::new("{}"));
                invoke.send().await.unwrap();
            }
        }
    }
    credits(&server.take())
}

const WHOLE: Credit = Credit::Left(20);
/// Of 20 with a fan-out of 1: half is kept, and one is paid.
const SHARES: [Credit; 2] = [Credit::Left(10), Credit::Left(0)];

#[tokio::test]
async fn what_feeds_the_invocation_is_told_from_everything_else() {
    let server = Server::start(aws).await;
    let topic = |name: &str| format!("arn:aws:sns:us-east-1:123456789012:{name}");
    let notification =
        json!({"Type": "Notification", "TopicArn": topic("in"), "Message": s3_put("in", "k", "R")});
    let sns = json!({"Records": [{"EventSource": "aws:sns", "Sns": notification}]}).to_string();
    let queue = sqs([message("m1", "b", json!({}))]);
    let behind = sqs([message("m1", &notification.to_string(), json!({}))]);
    let long = sqs([message("m1", &"x".repeat(300_000), json!({}))]);
    let (own_queue, own_topic) =
        ("sqs http://q/123456789012/in", "sns arn:aws:sns:us-east-1:123456789012:in");
    let own_function = "lambda orders:live";
    let cases: [(&str, &str, &[&str]); 6] = [
        ("a queue", &queue, &[own_queue, own_function]),
        ("a long message", &long, &[own_queue, own_function]),
        ("a topic that a bucket feeds", &sns, &[own_topic, "s3 in", own_function]),
        ("both behind a queue", &behind, &[own_queue, own_topic, "s3 in", own_function]),
        ("a bucket", &s3_put("in", "k", "R"), &["s3 in", own_function]),
        ("the function alone", "{}", &[own_function]),
    ];
    let others = [
        "sqs http://q/123456789012/out",
        "sns arn:aws:sns:us-east-1:123456789012:out",
        "s3 out",
        "lambda next",
    ];
    for (name, event, own) in cases {
        // Each target in an invocation of its own.
        for target in [own_queue, own_topic, "s3 in", own_function].iter().chain(&others) {
            let guard = guard(&server, 20);
            let only = [*target];
            let credits = within(&guard, event, || send_to(&server, &guard, &only)).await;
            let expected = if own.contains(target) { SHARES } else { [WHOLE; 2] };
            assert_eq!(credits, expected, "{name}, {target}");
        }
    }
}

#[tokio::test]
async fn what_went_elsewhere_costs_nothing_of_it() {
    let server = Server::start(aws).await;
    let guard = guard(&server, 20);
    let targets = ["sqs http://q/1/out", "sqs http://q/1/in", "sqs http://q/1/out"];
    let event = sqs([message("m1", "b", json!({}))]);
    let credits = within(&guard, &event, || send_to(&server, &guard, &targets)).await;
    assert_eq!(credits, [[WHOLE; 2], SHARES, [WHOLE; 2]].concat());
}

#[tokio::test]
async fn each_record_of_an_untouched_batch_sends_one_message_free() {
    let server = Server::start(aws).await;
    let event = sqs((0..3).map(|nth| message(&format!("m{nth}"), "b", json!({}))));
    let entries = |count: usize| {
        (0..count).map(|nth| {
            let entry = SendMessageBatchRequestEntry::builder().id(nth.to_string()).message_body("b");
            entry.build().unwrap()
        })
    };
    let guard = guard(&server, 0);
    let whole = || async {
        let client = client(&server, Some(guard.clone()));
        let send = client.send_message_batch().queue_url("http://q/1/in");
        send.set_entries(Some(entries(4).collect())).send().await.unwrap();
    };
    within(&guard, &event, whole).await;
    let free = Credit::Left(0);
    assert_eq!(credits(&server.take()), [free, free, free, Credit::Exceeded]);
}

#[tokio::test]
async fn a_record_in_its_own_scope_shares_its_own_credit() {
    let server = Server::start(aws).await;
    let guard = guard(&server, 1);
    let client = client(&server, Some(guard.clone()));
    for lineage in [json!({}), attributes(&looping(1, 1), parent(1, 7))] {
        let event = sqs((0..2).map(|nth| message(&format!("m{nth}"), "b", lineage.clone())));
        let handler = service_fn(async |event: LambdaEvent<SqsEvent>| {
            let answer = guard.each_concurrently(
                std::num::NonZeroUsize::MIN,
                event.payload.records,
                async |_: SqsMessage| {
                    for _ in 0..3 {
                        let send = client.send_message().queue_url("http://q/1/in").message_body("b");
                        send.send().await?;
                    }
                    Ok::<_, Error>(())
                },
            );
            Ok::<_, Error>(answer.await)
        });
        invoke(guard.wrap(handler), &event).await.unwrap();
        let of_one = [Credit::Left(0), Credit::Left(0), Credit::Exceeded];
        assert_eq!(credits(&server.take()), [of_one; 2].concat(), "{lineage}");
    }
}
