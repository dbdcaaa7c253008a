//! What an invocation waits for.

use std::time::{Duration, Instant};

use hopguard_core::Counter;
use hopguard_core::settings::Telemetry;

use super::rig::{Rig, deadline};
use super::sink::{Reply, Sink};
use crate::observe::Outcome;

/// Less than anything that the main loop waits for, and more than a busy machine takes to wait for nothing.
const NO_WAIT: Duration = Duration::from_millis(450);

/// How long the main loop waits before it asks for the next event.
async fn waits(rig: &Rig, id: &str, deadline_ms: u64) -> Duration {
    let started = Instant::now();
    rig.observer.invoked(id, deadline(deadline_ms)).await;
    started.elapsed()
}

#[tokio::test]
async fn a_rare_invocation_is_followed_by_its_export_and_nothing_goes_out_before_its_end() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.start_invocation("r-1");
    let (waited, ()) = tokio::join!(waits(&rig, "r-1", 5_000), async {
        tokio::time::sleep(Duration::from_millis(80)).await;
        assert!(sink.received().is_empty());
        rig.end("r-1", Outcome::Answered);
    });
    assert!(waited >= Duration::from_millis(80) && waited < Duration::from_secs(1), "{waited:?}");
    assert_eq!(sink.spans().len(), 1, "it is exported when the next event is asked for");
}

/// Between Lambda's INVOKE and the start of the handler, objects may be looked up.
#[tokio::test]
async fn an_event_that_takes_long_to_read_is_exported_after_its_invocation_and_not_before() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.observer.proxied();
    let (_, ()) = tokio::join!(waits(&rig, "r-1", 5_000), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(sink.received().is_empty(), "nothing has happened yet");
        rig.invoke("r-1");
    });
    assert_eq!(sink.spans().len(), 1);
}

#[tokio::test]
async fn frequent_invocations_wait_for_nothing() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    for n in 0..50 {
        let id = n.to_string();
        rig.start_invocation(&id);
        if n == 0 {
            rig.end(&id, Outcome::Answered);
        }
        let waited = waits(&rig, &id, 5_000).await;
        assert!(n == 0 || waited < Duration::from_secs(3), "{n}: {waited:?}");
        rig.end(&id, Outcome::Answered);
    }
    assert_eq!(sink.wait_for("/v1/traces", 1).await.len(), 1);
    rig.shut_down().await;
    assert_eq!(sink.spans().len(), 50);
}

#[tokio::test]
async fn a_collector_in_trouble_costs_one_invocation_a_moment_and_the_others_nothing() {
    for (name, reply, most) in [
        ("hangs", Reply::Hang, Duration::from_millis(900)),
        ("is busy", Reply::Status(503, "", Vec::new()), NO_WAIT),
        ("closes", Reply::Close, NO_WAIT),
        ("cuts before its answer", Reply::Cut, NO_WAIT),
    ] {
        let sink = Sink::start(vec![reply; 1_000]).await;
        let rig = Rig::with(
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.url()), ("OTEL_EXPORTER_OTLP_TIMEOUT", "300")],
            Telemetry { flush_interval: Duration::ZERO, ..Telemetry::default() },
        )
        .await;
        for n in 0..5 {
            let id = n.to_string();
            rig.invoke(&id);
            let waited = waits(&rig, &id, 5_000).await;
            let most = if n == 0 { most } else { NO_WAIT };
            assert!(name.starts_with("cuts") || waited < most, "{name} {n}: {waited:?}");
        }
    }
}

#[tokio::test]
async fn a_dead_collector_costs_nothing_and_one_that_comes_back_gets_everything() {
    let sink = Sink::start([Reply::Close, Reply::Close]).await;
    let rig = Rig::with(
        &[
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &format!("{}/v1/traces", sink.url())),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "150"),
        ],
        Telemetry::default(),
    )
    .await;
    rig.invoke("r-1");
    assert!(waits(&rig, "r-1", 5_000).await < NO_WAIT);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    rig.start_invocation("r-2");
    // Of late it did not answer: the export begins at the end, and nobody waits for it.
    assert!(waits(&rig, "r-2", 5_000).await < NO_WAIT);
    rig.end("r-2", Outcome::Answered);
    rig.shut_down().await;
    assert!(sink.spans().len() >= 2, "{:?}", sink.spans().len());
    assert_eq!(rig.count(Counter::DroppedSpans), 0);
}

#[tokio::test]
async fn waiting_never_outlasts_the_deadline() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.start_invocation("r-1");
    let waited = waits(&rig, "r-1", 300).await;
    assert!(waited >= Duration::from_millis(200) && waited < Duration::from_millis(300), "{waited:?}");
    let waited = waits(&rig, "r-2", 0).await;
    assert!(waited < NO_WAIT, "{waited:?}");
}

#[tokio::test]
async fn where_nobody_tells_of_an_end_or_nothing_is_exported_there_is_no_waiting() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    assert!(waits(&rig, "r-1", 60_000).await < Duration::from_secs(10));
    sink.wait_for("/v1/metrics", 1).await;
    let rig = Rig::start(None).await;
    rig.start_invocation("r-1");
    assert!(waits(&rig, "r-1", 60_000).await < Duration::from_secs(10));
}

#[tokio::test]
async fn an_invocation_that_never_answered_ends_with_the_next_or_with_the_environment() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    for id in ["crashed", "last"] {
        rig.start_invocation(id);
    }
    rig.shut_down().await;
    let errors: Vec<_> = sink.spans().into_iter().map(|span| span.status.unwrap().message).collect();
    assert_eq!(errors, ["unanswered", "shutdown"]);
}

#[tokio::test]
async fn on_managed_instances_a_timer_exports_what_is_new_and_only_that() {
    let sink = Sink::start([]).await;
    let rig = Rig::managed(&sink.url(), Duration::from_millis(300)).await;
    // Several at once: one that starts ends none of the others.
    rig.start_invocation("r-1");
    rig.start_invocation("r-2");
    rig.end("r-1", Outcome::Answered);
    let first = sink.wait_for("/v1/traces", 1).await;
    rig.end("r-2", Outcome::Answered);
    assert_eq!((first.len(), sink.wait_for("/v1/traces", 2).await.len()), (1, 2));
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    let idle = sink.received().len();
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert_eq!((sink.received().len(), sink.spans().len()), (idle, 2));
}
