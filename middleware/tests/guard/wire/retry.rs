use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_sqs::config::retry::RetryConfig;
use hopguard::core::{Counter, Credit};
use hopguard::{Guard, Scope};

use crate::event::{looping, sqs_of};
use crate::invocation::within;
use crate::server::{Response, Server};
use crate::wire::{Attributes, aws, lineage_in, sqs};

/// The first two requests fail.
async fn failing() -> Server {
    let failures = AtomicU32::new(2);
    Server::start(move |request| {
        let left = failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() { Some(Response::new(500, "{}")) } else { aws(request) }
    })
    .await
}

#[tokio::test]
async fn a_retried_request_carries_the_same_token_and_pays_once() {
    let server = failing().await;
    let guard = Guard::default();
    let retries = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1));
    let config = aws_sdk_sqs::config::Builder::from(&server.sdk_config()).retry_config(retries);
    let client = aws_sdk_sqs::Client::from_conf(config.interceptor(guard.propagator()).build());
    let send = || async {
        for _ in 0..2 {
            client.send_message().queue_url("http://q/1/q").message_body("m").send().await.unwrap();
        }
        Scope::current().unwrap().sent()
    };
    let sent = within(&guard, &sqs_of(&looping(1, 2)), send).await;
    assert_eq!(sent, 2, "two messages, by four requests");

    let requests = server.take();
    let attributes: Vec<Attributes> = requests.iter().map(sqs::attributes_of).collect();
    let [first, second, third, other] = &attributes[..] else { panic!("{} requests", attributes.len()) };
    assert_eq!((first, first), (second, third));
    // Received on the third visit with 256: the first is free and takes seven eighths; the other pays 1 of the 32 that are left.
    let credits = [first, other].map(|attributes| lineage_in(attributes).unwrap().credit);
    assert_eq!(credits, [Credit::Left(224), Credit::Left(28)]);
    assert_eq!(guard.counters().value(Counter::Written), 2);
}
