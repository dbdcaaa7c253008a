//! The exporter, against collectors that fail in every way.

use std::time::{Duration, Instant};

use hopguard_core::Counter;
use hopguard_core::settings::{MetricSinks, Telemetry};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;

use super::rig::{Rig, deadline};
use super::sink::{Reply, Sink, spans};

fn busy(status: u16, headers: &'static str) -> Reply {
    Reply::Status(status, headers, Vec::new())
}

#[tokio::test]
async fn an_export_is_protobuf_zipped_with_the_users_headers_on_one_connection() {
    let sink = Sink::start([]).await;
    let url = sink.url();
    let variables = [
        ("AWS_LAMBDA_FUNCTION_NAME", "orders"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret"),
    ];
    let rig = Rig::with(&variables, Telemetry::default()).await;
    for n in 0..20 {
        rig.invoke(&n.to_string());
    }
    rig.shut_down().await;
    let received = sink.received();
    let paths: Vec<_> = received.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["/v1/traces", "/v1/metrics"]);
    for one in &received {
        for header in ["content-type: application/x-protobuf", "api-key: secret", "user-agent: hopguard/"] {
            assert!(one.head.contains(header), "{header}: {}", one.head);
        }
    }
    let zipped = received.iter().map(|one| one.head.contains("content-encoding: gzip"));
    assert_eq!(zipped.collect::<Vec<_>>(), [true, true]);
    assert_eq!((received[0].connection, received[1].connection), (0, 0));
    assert_eq!(spans(&received[0].body).len(), 20);
}

#[tokio::test]
async fn what_is_small_is_not_worth_a_compressors_memory() {
    let sink = Sink::start([]).await;
    let variables = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", sink.url())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let rig = Rig::with(&variables, Telemetry::default()).await;
    rig.invoke("r-1");
    rig.shut_down().await;
    let received = sink.received();
    assert_eq!(spans(&received[0].body).len(), 1);
    assert!(!received[0].head.contains("content-encoding: gzip"), "{}", received[0].head);
}

#[tokio::test]
async fn a_busy_collector_gets_the_batch_when_it_wants_it() {
    let sink = Sink::start([busy(429, "retry-after: 1\r\n"), busy(503, "")]).await;
    let variables = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", sink.url())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let rig = Rig::with(&variables, Telemetry::default()).await;
    rig.invoke("r-1");
    let started = Instant::now();
    rig.shut_down().await;
    assert_eq!(sink.received().len(), 3);
    assert!(started.elapsed() >= Duration::from_secs(1), "it has said when: {:?}", started.elapsed());
    assert_eq!(
        (
            rig.count(Counter::ExportRetries),
            rig.count(Counter::ExportFailures),
            rig.count(Counter::DroppedSpans)
        ),
        (2, 0, 0)
    );
}

#[tokio::test]
async fn what_is_refused_for_good_is_dropped_and_counted() {
    for status in [400, 500] {
        let sink = Sink::start([busy(status, "")]).await;
        let rig = Rig::start(Some(&sink.url())).await;
        rig.invoke("r-1");
        rig.shut_down().await;
        let paths: Vec<_> = sink.received().into_iter().map(|one| one.path).collect();
        assert_eq!(paths, ["/v1/traces", "/v1/metrics"], "{status}");
        assert_eq!((rig.count(Counter::DroppedSpans), rig.count(Counter::ExportFailures)), (1, 1));
    }
}

#[tokio::test]
async fn a_partial_success_is_counted() {
    let partial = ExportTracePartialSuccess { rejected_spans: 1, error_message: "too old".to_owned() };
    let body = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    let sink = Sink::start([Reply::Status(200, "", body)]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.invoke("r-1");
    rig.shut_down().await;
    assert_eq!(
        (rig.count(Counter::RefusedByCollector), rig.count(Counter::DroppedSpans), sink.received().len()),
        (1, 0, 2)
    );
}

#[tokio::test]
async fn an_answer_that_is_cut_after_200_is_an_answer_and_a_closed_connection_is_none() {
    let sink = Sink::start([Reply::Cut, Reply::Close]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.invoke("r-1");
    rig.shut_down().await;
    let seen: Vec<_> = sink.received().into_iter().map(|one| (one.path, one.connection)).collect();
    let expected =
        [("/v1/traces", 0), ("/v1/metrics", 1), ("/v1/metrics", 2)].map(|(path, nth)| (path.to_owned(), nth));
    assert_eq!(seen, expected);
    assert_eq!((rig.count(Counter::ExportRetries), rig.count(Counter::DroppedPoints)), (1, 0));
}

#[tokio::test]
async fn a_batch_that_failed_is_part_of_the_next_export() {
    let sink = Sink::start([Reply::Hang]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.invoke("r-1");
    rig.observer.invoked("r-1", deadline(5_000)).await;
    // The collector's time is 800 ms.
    rig.wait_for(Counter::ExportFailures, 1).await;
    rig.invoke("r-2");
    rig.shut_down().await;
    // What hung was received as well: at least once is what OTLP promises. What has failed goes alone: it would take others along.
    let ids: Vec<_> = sink
        .received()
        .into_iter()
        .filter(|one| one.path == "/v1/traces")
        .map(|one| spans(&one.body).len())
        .collect();
    assert_eq!(ids, [1, 1, 1]);
    assert_eq!(rig.count(Counter::DroppedSpans), 0);
}

#[tokio::test]
async fn a_shutdown_ends_in_time_whatever_the_collector_does() {
    for (name, script) in [
        ("dead", None),
        ("hangs", Some(vec![Reply::Hang; 9])),
        ("busy", Some(vec![busy(503, "retry-after: 60\r\n"); 9])),
    ] {
        let sink = match script {
            Some(script) => Some(Sink::start(script).await),
            None => None,
        };
        let url = sink.as_ref().map_or("http://127.0.0.1:9".to_owned(), Sink::url);
        let rig = Rig::start(Some(&url)).await;
        rig.invoke("r-1");
        let started = Instant::now();
        rig.shut_down().await;
        assert!(started.elapsed() < Duration::from_millis(1_700), "{name}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_shutdown_with_a_live_collector_takes_milliseconds() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.invoke("r-1");
    let started = Instant::now();
    rig.shut_down().await;
    // 10 ms is the aim; a busy machine gets some more.
    assert!(started.elapsed() < Duration::from_millis(200), "{:?}", started.elapsed());
    assert_eq!(sink.spans().len(), 1);
}

#[tokio::test]
async fn the_file_has_spans_and_metrics_without_any_collector() {
    let path = std::env::temp_dir().join(format!("hopguard-observed-{}.jsonl", std::process::id()));
    let settings = Telemetry { otlp_file: Some(path.clone()), ..Telemetry::default() };
    let rig = Rig::with(&[("AWS_LAMBDA_FUNCTION_NAME", "orders")], settings).await;
    rig.invoke("r-1");
    rig.shut_down().await;
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"], "sqs process");
    assert!(lines[1]["resourceMetrics"].is_array() && lines.len() == 2);
    assert!(rig.observer.0.state().buffer(crate::observe::signal::Signal::Traces).is_empty());
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn cloudwatch_gets_what_was_gained_and_what_it_refuses_is_put_the_next_time() {
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

    let cloudwatch = Sink::start([busy(403, ""), busy(200, "smithy-protocol: rpc-v2-cbor\r\n")]).await;
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "AKID", "secret", None, None, "test",
        )))
        .endpoint_url(cloudwatch.url())
        .http_client(crate::outbound::client(None))
        .build();
    let metrics = MetricSinks { emf: false, cloudwatch: true };
    let settings = Telemetry { metrics, ..Telemetry::default() };
    let rig = Rig::of(
        &[("AWS_LAMBDA_FUNCTION_NAME", "orders")],
        settings,
        hopguard_aws::Clients::from_config(config),
    )
    .await;
    rig.counters.add(Counter::Blocked, 7);
    rig.invoke("r-1");
    rig.observer.invoked("r-1", deadline(5_000)).await;
    rig.wait_for(Counter::ExportFailures, 1).await;
    rig.shut_down().await;
    let received = cloudwatch.received();
    assert_eq!(received.len(), 2);
    for one in received {
        let body = String::from_utf8_lossy(&one.body);
        for expected in
            ["hopguard.records.block", "FunctionName", "orders", "faas.invoke_duration", "StatisticValues"]
        {
            assert!(body.contains(expected), "{expected}: {body}");
        }
    }
}

/// A trip in the first invocation of an environment is exported before that has ended. A series without the account would be another one
/// than that which follows, and the trip would be counted twice.
#[tokio::test]
async fn what_is_exported_while_the_first_invocation_runs_names_the_account() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.start_invocation("r-1");
    rig.observer.0.counters.count(Counter::Tripped);
    rig.observer.tripped(tokio::time::Instant::now() + Duration::from_secs(5)).await;
    let exported = sink.received().into_iter().find(|one| one.path == "/v1/metrics").expect("an export");
    let request = ExportMetricsServiceRequest::decode(exported.body.as_slice()).unwrap();
    let resource = request.resource_metrics[0].resource.clone().unwrap();
    let names: Vec<_> = resource.attributes.into_iter().map(|attribute| attribute.key).collect();
    assert!(names.contains(&"cloud.account.id".to_owned()), "{names:?}");
}
